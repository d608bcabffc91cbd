using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;

namespace AdaptFormer.Tests.Parity;

/// <summary>Every golden file of an image or video ViT.</summary>
public sealed class VitParityTests : ModelParityTests<VitParityTests>, IModelParity
{
    public static string[] Suites => ParitySuites.Vits;

    public static Backbone Build(ParityCase golden, DataType compute) => VitCase.Build(golden, compute);
}
