using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training;

/// <summary>Finds out where in a model the first NaN or infinite value comes from.</summary>
public static class NonFiniteProbe
{
    /// <summary>The name that stands for the pixels themselves.</summary>
    public const string Input = "input";

    /// <summary>Runs a batch forwards, looking at every layer, and leaves the model as it was.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pixels">[B, 3, H, W].</param>
    /// <param name="rng">The randomness of a training pass, to see what that pass saw; null to predict.</param>
    /// <returns>What was found; null when every layer's output is finite.</returns>
    public static NonFiniteFinding? Find(Backbone model, Tensor pixels, Rng? rng = null) =>
        Find(model, pixels, rng, static (model, input, observe) => model.Forward(input, observe));

    /// <summary>As the other, for a part of the model.</summary>
    internal static NonFiniteFinding? Find(
        Backbone model, Tensor pixels, Rng? rng, Func<Backbone, Tensor, Backbone.Observer?, Tensor> forward)
    {
        if (!AllFinite(pixels)) return new NonFiniteFinding(Input, []);

        // A training pass moves the running statistics of norms, here by numbers that may not be finite.
        (Parameter Buffer, float[] Values)[] buffers = [.. model.Buffers().Select(entry => (entry.Value, entry.Value.ToArray()))];
        string? layer = null;
        try
        {
            using TensorScope scope = new();
            using Tape? tape = rng is null ? null : new Tape(rng);
            Tensor input = pixels.View(pixels.Shape);
            forward(model, tape?.Watch(input) ?? input, (name, value) =>
            {
                if (layer is null && !AllFinite(value)) layer = name;
            });
        }
        finally
        {
            foreach ((Parameter buffer, float[] values) in buffers) buffer.Assign(values);
        }

        if (layer is null) return null;
        // a failed pass has moved the buffers
        var weights = rng is null ? model.Parameters().Concat(model.Buffers()) : model.Parameters();
        return new NonFiniteFinding(layer, [.. weights.Where(entry => !AllFinite(entry.Value)).Select(entry => entry.Key)]);
    }

    private static bool AllFinite(Tensor x)
    {
        using Tensor answer = x.NewEmpty(new Shape());
        new AllFiniteCall(x, answer).Run();
        return answer.Item() != 0;
    }
}

/// <summary>What <see cref="NonFiniteProbe"/> found.</summary>
/// <param name="Layer">The first layer whose output is not finite: <c>patch_embed</c>, <c>block_0</c> …, <c>features</c>, <c>logits</c>,
/// or <c>input</c> for the pixels.</param>
/// <param name="Weights">Names of all weights (and buffers, after a prediction) that hold such values; empty when the values arose in the
/// arithmetic.</param>
public sealed record NonFiniteFinding(string Layer, IReadOnlyList<string> Weights);
