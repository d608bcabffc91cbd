using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Golden files of one kind of model.</summary>
public interface IModelParity
{
    /// <summary>How the names of the files begin.</summary>
    static abstract string[] Suites { get; }

    /// <summary>The model and the method that a file describes, with its weights.</summary>
    static abstract Backbone Build(ParityCase golden, DataType compute);

    /// <summary>A result of ours, of the given name, in the order of the file's; null where it is the same.</summary>
    static virtual float[]? Arranged(ParityCase golden, string name, Tensor value) => null;
}

/// <summary>What holds for every golden file of a model.</summary>
public abstract class ModelParityTests<TSelf> where TSelf : IModelParity
{
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1000", Justification = "Theories find their data by name.")]
    public static TheoryData<string, string> Cases => ModelParity.Cases(TSelf.Suites);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Model_and_method_equal_the_original(string file, string backend) => With(file, backend, DataType.Float32, (golden, model) =>
    {
        int compared = ModelParity.Check(golden, model, (name, value) => TSelf.Arranged(golden, name, value));
        Assert.True(compared > 0, $"{file} names no result that the model makes");
    });

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Bf16_logits_are_within_two_percent(string file, string backend) => With(file, backend, DataType.BFloat16, (golden, model) =>
    {
        Tensor pixels = Tensor.From(golden.Floats("input/x"), new Shape(golden.Shape("input/x")));
        ParityCase.AssertClose("logits in bf16", golden.Floats("out/logits"), model.Forward(pixels).ToArray(), 2e-2);
    });

    private static void With(string file, string backend, DataType compute, Action<ParityCase, Backbone> check)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        ParityCase golden = ParityCase.Open(file);
        using Backbone model = TSelf.Build(golden, compute);
        check(golden, model);
    }
}
