using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// Holds an op's hand-written gradient against central differences, one random direction v per input:
/// ⟨∇f, v⟩ = (f(θ + εv) − f(θ − εv))/2ε, where f is the op's result times fixed random numbers.
/// </summary>
public static class GradCheck
{
    /// <param name="f">The op; called several times with the same inputs.</param>
    /// <param name="inputs">Inputs, all of them differentiated.</param>
    /// <param name="epsilon">Step; the numbers are f32, so neither tiny nor large.</param>
    /// <param name="tolerance">Relative to the largest of the two values and 0.05.</param>
    public static void Check(Func<Parameter[], Tensor> f, Parameter[] inputs, float epsilon = 1e-2f, double tolerance = 1e-3)
    {
        foreach (Parameter input in inputs) input.Trainable = true;
        Tensor weights;
        using (Tape tape = new(new Rng(1)))
        {
            using TensorScope scope = new();
            Tensor y = f([.. inputs.Select(input => (Parameter)tape.Watch(input))]);
            weights = Random(new Rng(99), y.Shape);
            Tensor loss = y.Cast(DataType.Float32).Dot(weights);
            scope.Keep(weights).Retain();
            tape.Backward(loss);
        }

        foreach (Parameter input in inputs) input.Tape = null;
        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.NotNull(inputs[i].Grad);
            float[] direction = [.. Enumerable.Range(0, (int)inputs[i].Length).Select(_ => 0f)];
            Rng rng = new(7 + i);
            for (int j = 0; j < direction.Length; j++) direction[j] = (float)rng.NextUniform(-1, 1);
            double analytic = 0;
            for (int j = 0; j < direction.Length; j++) analytic += (double)inputs[i].Grad!.Span[j] * direction[j];
            double numeric = (Value(f, inputs, i, direction, epsilon, weights) - Value(f, inputs, i, direction, -epsilon, weights)) / (2 * epsilon);
            double allowed = tolerance * Math.Max(0.05, Math.Max(Math.Abs(analytic), Math.Abs(numeric)));
            Assert.True(Math.Abs(analytic - numeric) <= allowed, $"input {i}: gradient along v is {analytic}, differences say {numeric} (allowed {allowed:G3})");
        }

        weights.Dispose();
    }

    /// <summary>A parameter of numbers uniform in [−1, 1).</summary>
    public static Parameter Uniform(Rng rng, params ReadOnlySpan<int> dims)
    {
        Parameter parameter = Parameter.Empty(new Shape(dims));
        for (int i = 0; i < parameter.Length; i++) parameter.Span[i] = (float)rng.NextUniform(-1, 1);
        return parameter;
    }

    private static Tensor Random(Rng rng, Shape shape)
    {
        float[] values = new float[shape.Length];
        for (int i = 0; i < values.Length; i++) values[i] = (float)rng.NextUniform(-1, 1);
        return Tensor.From(values, shape);
    }

    private static double Value(Func<Parameter[], Tensor> f, Parameter[] inputs, int moved, float[] direction, float step, Tensor weights)
    {
        using TensorScope scope = new();
        float[] original = inputs[moved].ToArray();
        float[] shifted = new float[original.Length];
        for (int j = 0; j < shifted.Length; j++) shifted[j] = original[j] + (step * direction[j]);
        inputs[moved].Assign(shifted);
        float[] y = f(inputs).ToArray();
        inputs[moved].Assign(original);
        double sum = 0;
        for (int j = 0; j < y.Length; j++) sum += (double)y[j] * weights.Span[j];
        return sum;
    }
}
