using TorchSharp;

namespace AdaptFormer.Peers;

/// <summary>One way in which LibTorch can do the work. TorchSharp has no autocast for the CPU, so what is held and summed in which type is
/// said by hand, which is never slower: frozen matrices are cast once, not at every call.</summary>
/// <param name="Name">How the table calls it.</param>
/// <param name="Compute">Type of the matrix products' inputs; frozen matrices are held in it.</param>
/// <param name="Stream">Type of the residual stream and the norms.</param>
/// <param name="Fused">Whether attention is LibTorch's own call, or written out as product, softmax, product.</param>
internal sealed record TorchSetting(string Name, torch.ScalarType Compute, torch.ScalarType Stream, bool Fused)
{
    private const torch.ScalarType F32 = torch.ScalarType.Float32, BF16 = torch.ScalarType.BFloat16;

    /// <summary>All of them; a case takes those of its precision.</summary>
    public static IReadOnlyList<TorchSetting> All { get; } =
    [
        new("f32, fused attention", F32, F32, true),
        new("f32, attention written out", F32, F32, false),
        new("bf16 products, fused attention", BF16, F32, true),
        new("bf16 products, attention written out", BF16, F32, false),
        new("all bf16, fused attention", BF16, BF16, true),
        new("all bf16, attention written out", BF16, BF16, false),
    ];

    /// <summary>The setting called <paramref name="name"/>.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static TorchSetting Named(string name) => All.FirstOrDefault(s => s.Name == name)
        ?? throw new ArgumentException($"'{name}' is no setting; known: {string.Join("; ", All.Select(s => s.Name))}.");
}
