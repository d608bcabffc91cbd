using System.Runtime.InteropServices;

namespace AdaptFormer.Tensors.Backends.Cpu;

/// <summary>A frozen weight W [O, I] in 8-bit whole numbers, with a step for each output: W ≈ step·code, codes from −127 to
/// 127.</summary>
internal sealed unsafe class ByteForm : IDerivedForm
{
    private const float LargestCode = 127;
    private readonly ByteMatrix _matrix;

    private ByteForm(ByteMatrix matrix, float[] steps, int[] shifts) => (_matrix, Steps, Shifts) = (matrix, steps, shifts);

    /// <summary>[O].</summary>
    public float[] Steps { get; }

    /// <summary>What the zero of the left operand's codes adds to a sum, by output: 128·Σ codes, [O].</summary>
    public int[] Shifts { get; }

    /// <summary>The codes.</summary>
    public ByteMatrix Matrix => _matrix;

    /// <inheritdoc/>
    public long OwnedBytes => _matrix.Bytes + ((long)(sizeof(float) + sizeof(int)) * Steps.Length);

    /// <summary>The form of a weight, made once.</summary>
    public static ByteForm Of(Parameter weight, MatMulLibrary library) =>
        weight.Derived((library, typeof(ByteForm)), () => Make(weight, library));

    /// <inheritdoc/>
    public void Dispose() => _matrix.Dispose();

    private static ByteForm Make(Parameter weight, MatMulLibrary library)
    {
        (int o, int i) = weight.AsMatrix();
        float[] steps = new float[o];
        int[] shifts = new int[o];
        sbyte* codes = (sbyte*)NativeMemory.Alloc((nuint)o, (nuint)i);
        try
        {
            for (int row = 0; row < o; row++)
            {
                ReadOnlySpan<float> values = new(weight.Floats + ((long)row * i), i);
                float largest = 0;
                foreach (float value in values) largest = Math.Max(largest, Math.Abs(value));
                steps[row] = largest == 0 ? 1 : largest / LargestCode;
                int sum = 0;
                for (int k = 0; k < i; k++)
                {
                    sbyte code = (sbyte)MathF.Round(values[k] / steps[row]);
                    codes[((long)row * i) + k] = code;
                    sum += code;
                }

                shifts[row] = ByteLinear.Zero * sum;
            }

            ByteMatrix matrix = library.PackBytes(i, o, codes);
            weight.ReleasePages();
            return new ByteForm(matrix, steps, shifts);
        }
        finally
        {
            NativeMemory.Free(codes);
        }
    }
}
