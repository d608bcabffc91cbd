namespace AdaptFormer.Tensors;

/// <summary>Numbers on their way from a device to the host, while the device goes on computing.</summary>
public abstract class Readback
{
    /// <summary>Waits until the numbers have arrived; called once.</summary>
    /// <returns>The elements in f32.</returns>
    public abstract float[] Take();

    /// <summary>Numbers that are here.</summary>
    internal sealed class Arrived(float[] values) : Readback
    {
        public override float[] Take() => values;
    }
}
