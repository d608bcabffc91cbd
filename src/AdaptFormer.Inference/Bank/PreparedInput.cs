using AdaptFormer.Models;

namespace AdaptFormer.Inference;

/// <summary>What tells whether two inputs are the same for a model: the content, and what is made of it.</summary>
/// <param name="Content">SHA-256 of the file or the pixels, in hexadecimal.</param>
/// <param name="Preprocessing">What is made of it; null for tensors, which come as they are.</param>
internal sealed record InputKey(string Content, Preprocessing? Preprocessing);

/// <summary>An input as a model reads it.</summary>
/// <param name="Key">Its identity; null where that is not known, as of folders of frames.</param>
/// <param name="Views">
/// One tensor for each view, [3, S, S] or [3, T, S, S]; empty where trunks that are kept make them needless.
/// </param>
/// <param name="Trunks">Trunks of this input that were kept from earlier questions.</param>
internal sealed record PreparedInput(InputKey? Key, IReadOnlyList<ReadOnlyMemory<float>> Views, IReadOnlyList<Trunk> Trunks)
{
    /// <summary>Rows in a pass.</summary>
    public int Rows => Views.Count > 0 ? Views.Count : Trunks[0].Rows;

    /// <summary>The deepest trunk that serves a task of this cut; null for none.</summary>
    public Trunk? TrunkFor(int? cut) => Trunks.Where(trunk => trunk.Cut <= cut).MaxBy(trunk => trunk.Cut);
}
