using System.Diagnostics.CodeAnalysis;

namespace AdaptFormer.Tensors;

/// <summary>The engine's refusals, off the hot path.</summary>
internal static class Throw
{
    /// <summary>Says which op, which rule, and the shapes that came.</summary>
    [DoesNotReturn]
    public static void Shape(string op, string rule, params ReadOnlySpan<(string Name, Tensor Tensor)> operands)
    {
        List<string> came = [];
        foreach ((string name, Tensor tensor) in operands) came.Add($"{name} {tensor.Shape}");
        throw new ArgumentException($"{op}: {rule}; got {string.Join(", ", came)}.");
    }

    /// <summary>The tensor's memory went back to the pool.</summary>
    [DoesNotReturn]
    public static void Released(Tensor tensor) => throw new ObjectDisposedException(
        nameof(Tensor),
        $"A tensor {tensor.Shape} was read after its scope ended; keep it with TensorScope.Keep, or name it in an op's keep list.");
}
