using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>One use of an op, with sizes and options, that all checks run on.</summary>
/// <param name="Name">Op and options, for messages.</param>
/// <param name="Shapes">Shapes of the inputs, all of which get a gradient.</param>
/// <param name="Run">The op; it casts what it reads to the type, and casting to f32 does nothing.</param>
public sealed record OpCase(string Name, int[][] Shapes, Func<Tensor[], DataType, Tensor> Run)
{
    /// <summary>Changes the inputs, uniform in [−1, 1), for example to keep away from a kink.</summary>
    public Func<int, float, float>? Map { get; init; }

    /// <summary>Allowed difference of bf16 results and gradients from f32 ones, relative to the largest value; null where an op is f32 only.</summary>
    public double? BFloat16 { get; init; }

    /// <summary>Whether a pass without a tape gives the same result; not so for dropout and batch statistics.</summary>
    public bool SameWithoutTape { get; init; } = true;

    /// <summary>Relative tolerance of the gradient check.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>Fresh inputs, the same each time.</summary>
    public Parameter[] Inputs()
    {
        Rng rng = new(3);
        return [.. Shapes.Select((shape, i) =>
            Parameter.From([.. GradCheck.Numbers(rng, shape.Aggregate(1, (a, b) => a * b)).Select(x => Map?.Invoke(i, x) ?? x)], new Shape(shape)))];
    }

    /// <summary>Result and gradients in the given type.</summary>
    public (float[] Result, float[][] Gradients) Evaluate(DataType type = DataType.Float32)
    {
        Parameter[] inputs = Inputs();
        try
        {
            return GradCheck.Run(p => Run(p, type), inputs);
        }
        finally
        {
            foreach (Parameter input in inputs) input.Dispose();
        }
    }

    /// <summary>x moved away from 0, where ReLU has its kink.</summary>
    public static float AwayFromZero(float x) => x + (x < 0 ? -0.1f : 0.1f);
}

/// <summary>What every op must hold, in every case.</summary>
public static class OpSuite
{
    /// <summary>
    /// Gradients equal differences; they are the same for operands that were computed in a scope that is closed before the backward pass, all together and each alone;
    /// and a pass without a tape gives the result of one with a tape.
    /// </summary>
    public static void Gradients(string backend, IEnumerable<OpCase> cases)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        foreach (OpCase op in cases)
        {
            Parameter[] inputs = op.Inputs();
            GradCheck.Check(p => op.Run(p, DataType.Float32), inputs, tolerance: op.Tolerance, what: op.Name);
            CheckComputed(op, inputs);
            if (op.SameWithoutTape)
            {
                using TensorScope scope = new();
                foreach (Parameter input in inputs) input.Trainable = false;
                float[] untaped = op.Run(inputs, DataType.Float32).ToArray();
                ParityCase.AssertClose($"{op.Name} without tape", op.Evaluate().Result, untaped, 1e-6);
            }

            foreach (Parameter input in inputs) input.Dispose();
        }
    }

    private static void CheckComputed(OpCase op, Parameter[] inputs)
    {
        (float[] Result, float[][] Gradients) expected = GradCheck.Run(p => op.Run(p, DataType.Float32), inputs);
        Compare($"{op.Name} of computed operands", expected, GradCheck.RunOnComputed(p => op.Run(p, DataType.Float32), inputs), 1e-5);
        for (int i = 0; i < inputs.Length; i++)
        {
            float[] alone = GradCheck.RunOnComputed(p => op.Run(p, DataType.Float32), inputs, differentiated: i).Gradients[i];
            ParityCase.AssertClose($"{op.Name} of computed operands, gradient {i} alone", expected.Gradients[i], alone, 1e-5);
        }
    }

    /// <summary>bf16 results and gradients are near the f32 ones.</summary>
    public static void BFloat16(string backend, IEnumerable<OpCase> cases)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        int compared = 0;
        foreach (OpCase op in cases.Where(op => op.BFloat16 is not null))
        {
            Compare($"{op.Name} in bf16", op.Evaluate(), op.Evaluate(DataType.BFloat16), op.BFloat16!.Value);
            compared++;
        }

        Assert.True(compared > 0, "no case runs in bf16");
    }

    /// <summary>The managed backend and oneDNN give the same numbers but for rounding.</summary>
    public static void BackendsAgree(IEnumerable<OpCase> cases)
    {
        OpCase[] all = [.. cases];
        List<(float[], float[][])> managed = [];
        using (CpuBackends.Use(CpuBackends.Managed)) managed.AddRange(all.Select(op => op.Evaluate()));
        using IDisposable _ = CpuBackends.Use(CpuBackends.OneDnnName);
        for (int i = 0; i < all.Length; i++) Compare($"{all[i].Name} on oneDNN", managed[i], all[i].Evaluate(), 1e-5);
    }

    /// <summary>
    /// A device that computes the primitives alone, and a card, give the same numbers but for rounding, in f32 and bf16, also for operands that were computed; and no
    /// block of their memory is left.
    /// </summary>
    public static void SameOn(string deviceName, IEnumerable<OpCase> cases)
    {
        OpCase[] all = [.. cases];
        List<(float[], float[][])> managed = [];
        using (CpuBackends.Use(CpuBackends.Managed)) managed.AddRange(all.Select(op => op.Evaluate()));
        TestDevice device = TestDevice.Of(deviceName);
        using IDisposable _ = device.Use();
        for (int i = 0; i < all.Length; i++)
        {
            OpCase op = all[i];
            Compare($"{op.Name} on {deviceName}", managed[i], op.Evaluate(), 2e-5);
            Parameter[] inputs = op.Inputs();
            Compare($"{op.Name} of computed operands on {deviceName}", managed[i], GradCheck.RunOnComputed(p => op.Run(p, DataType.Float32), inputs), 2e-5);
            foreach (Parameter input in inputs) input.Dispose();
            if (op.BFloat16 is { } tolerance) Compare($"{op.Name} in bf16 on {deviceName}", managed[i], op.Evaluate(DataType.BFloat16), tolerance);
        }

        Assert.Equal(0, device.LiveBlocks);
    }

    private static void Compare(string what, (float[] Result, float[][] Gradients) expected, (float[] Result, float[][] Gradients) actual, double rtol)
    {
        ParityCase.AssertClose(what, expected.Result, actual.Result, rtol);
        for (int i = 0; i < expected.Gradients.Length; i++) ParityCase.AssertClose($"{what}, gradient {i}", expected.Gradients[i], actual.Gradients[i], rtol);
    }
}
