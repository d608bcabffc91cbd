using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// Holds an op's hand-written gradient against central differences, one random direction v per input: with d(ε) = f(θ + εv) − f(θ − εv),
/// ⟨∇f, v⟩ = (8·d(ε) − d(2ε))/12ε up to ε⁴, where f is the op's result times fixed random numbers.
/// </summary>
public static class GradCheck
{
    /// <param name="f">The op; called several times with the same inputs, always on a tape of the same seed, so that dropout draws the same masks.</param>
    /// <param name="inputs">Inputs, all of them differentiated.</param>
    /// <param name="epsilon">Step; the numbers are f32, so neither tiny nor large.</param>
    /// <param name="tolerance">Relative to the largest of the two values and 0.05; the rounding of the results comes on top.</param>
    /// <param name="what">Names the case in messages.</param>
    public static void Check(Func<Tensor[], Tensor> f, Parameter[] inputs, float epsilon = 2e-2f, double tolerance = 1e-3, string what = "")
    {
        (float[] result, float[][] gradients) = Run(f, inputs);
        double size = Math.Sqrt(result.Zip(Numbers(new Rng(99), result.Length), (y, w) => (double)y * y * w * w).Sum());
        double noise = 3e-7 * size / epsilon;       // what rounding the results to f32 does to a difference
        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.True(gradients[i].Length > 0, $"{what} input {i} got no gradient");
            float[] direction = Numbers(new Rng(7 + i), gradients[i].Length);
            double analytic = 0;
            for (int j = 0; j < direction.Length; j++) analytic += (double)gradients[i][j] * direction[j];
            double near = Value(f, inputs, i, direction, epsilon) - Value(f, inputs, i, direction, -epsilon);
            double far = Value(f, inputs, i, direction, 2 * epsilon) - Value(f, inputs, i, direction, -2 * epsilon);
            double numeric = ((8 * near) - far) / (12 * epsilon);
            double allowed = noise + (tolerance * Math.Max(0.05, Math.Max(Math.Abs(analytic), Math.Abs(numeric))));
            Assert.True(Math.Abs(analytic - numeric) <= allowed, $"{what} input {i}: gradient along v is {analytic}, differences say {numeric} (allowed {allowed:G3})");
        }
    }

    /// <summary>The result of f on a tape, and the gradients of its product with fixed random numbers; an empty array where there is none.</summary>
    public static (float[] Result, float[][] Gradients) Run(Func<Tensor[], Tensor> f, Parameter[] inputs)
    {
        foreach (Parameter input in inputs)
        {
            input.Trainable = true;
            input.Grad?.Dispose();
            input.Grad = null;
        }

        using TensorScope scope = new();
        using Tape tape = new(new Rng(1));
        Tensor y = f([.. inputs.Select(tape.Watch)]);
        tape.Backward(y.Cast(DataType.Float32).Dot(Tensor.From(Numbers(new Rng(99), (int)y.Length), y.Shape)));
        return (y.ToArray(), [.. inputs.Select(input => input.Grad?.ToArray() ?? [])]);
    }

    /// <summary>
    /// As <see cref="Run"/>, of operands that are results of an op themselves, made together with f's result in a scope that is closed before the backward pass: what
    /// that pass reads it must have kept.
    /// </summary>
    /// <param name="f">The op.</param>
    /// <param name="inputs">Inputs, of which each operand is a copy.</param>
    /// <param name="differentiated">The only input that gets a gradient; null for all.</param>
    public static (float[] Result, float[][] Gradients) RunOnComputed(Func<Tensor[], Tensor> f, Parameter[] inputs, int? differentiated = null)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i].Trainable = differentiated is null || differentiated == i;
            inputs[i].Grad?.Dispose();
            inputs[i].Grad = null;
        }

        using TensorScope scope = new();
        using Tape tape = new(new Rng(1));
        Tensor y = TensorScope.Run(() => f([.. inputs.Select(input => tape.Watch(input).Scale(1))]));
        tape.Backward(y.Cast(DataType.Float32).Dot(Tensor.From(Numbers(new Rng(99), (int)y.Length), y.Shape)));
        return (y.ToArray(), [.. inputs.Select(input => input.Grad?.ToArray() ?? [])]);
    }

    /// <summary>A parameter of numbers uniform in [−1, 1).</summary>
    public static Parameter Uniform(Rng rng, params ReadOnlySpan<int> dims)
    {
        Shape shape = new(dims);
        return Parameter.From(Numbers(rng, (int)shape.Length), shape);
    }

    /// <summary>Numbers uniform in [−1, 1).</summary>
    public static float[] Numbers(Rng rng, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)rng.NextUniform(-1, 1))];

    private static double Value(Func<Tensor[], Tensor> f, Parameter[] inputs, int moved, float[] direction, float step)
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(1));
        float[] original = inputs[moved].ToArray();
        inputs[moved].Assign([.. original.Zip(direction, (x, v) => x + (step * v))]);
        float[] y = f([.. inputs.Select(tape.Watch)]).ToArray();
        inputs[moved].Assign(original);
        float[] weights = Numbers(new Rng(99), y.Length);
        double sum = 0;
        for (int j = 0; j < y.Length; j++) sum += (double)y[j] * weights[j];
        return sum;
    }
}
