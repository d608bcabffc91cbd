
namespace AdaptFormer.Models;

/// <summary>Where a backbone's weights come from, and what they expect.</summary>
public sealed class BackboneSource
{
    private readonly Lazy<string> _digest;

    internal BackboneSource(LoadReport report, Preprocessing preprocessing, Func<string> digest)
    {
        (Report, Preprocessing) = (report, preprocessing);
        _digest = new Lazy<string>(digest);
    }

    /// <summary>What was found in the file, and what was done with it.</summary>
    public LoadReport Report { get; }

    /// <summary>What pictures must look like.</summary>
    public Preprocessing Preprocessing { get; }

    /// <summary>Names of the classes, one for each of the classifier's, where they came with the weights; null where they did
    /// not.</summary>
    public IReadOnlyList<string>? Labels { get; internal init; }

    /// <summary>Whether a picture may have several of the classes.</summary>
    public bool MultiLabel { get; internal init; }

    /// <summary>
    /// The content's fingerprint, <c>sha256:…</c>: of the backbone's weights as the file holds them, under our names and in f32, whatever
    /// the file's kind, naming or order; without a head. Computed when first asked for (about half a second for ViT-B).
    /// </summary>
    public string Digest => _digest.Value;
}
