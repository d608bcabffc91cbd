using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Parity;

/// <summary>Every golden file of an image or video ViT.</summary>
public sealed class VitParityTests
{
    public static TheoryData<string, string> Cases => ModelParity.Cases(ParitySuites.Vits);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Model_and_method_equal_the_original(string file, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        ParityCase golden = ParityCase.Open(file);
        using Backbone model = VitCase.Build(golden);
        ModelParity.Check(golden, model);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Bf16_logits_are_within_two_percent(string file, string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        using TensorScope scope = new();
        ParityCase golden = ParityCase.Open(file);
        using Backbone model = VitCase.Build(golden, DataType.BFloat16);
        ModelParity.CheckBFloat16(golden, model);
    }
}
