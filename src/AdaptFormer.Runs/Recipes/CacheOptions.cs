using System.Text.Json.Serialization;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>Whether the work of frozen layers is kept.</summary>
[JsonConverter(typeof(SnakeCaseEnum<CacheMode>))]
public enum CacheMode
{
    /// <summary>Every epoch does it again.</summary>
    Off,

    /// <summary>Once, wherever the same picture always gives the same tensor: transforms without chance, or
    /// <see cref="CacheOptions.Views"/> fixed draws.</summary>
    Auto,
}

/// <summary>How kept tensors are stored.</summary>
[JsonConverter(typeof(SnakeCaseEnum<CachePrecision>))]
public enum CachePrecision
{
    /// <summary>Features in f32; tokens in bf16 when the model computes in it, else in f32.</summary>
    Auto,

    /// <summary>f32: the results of a run are bit for bit those without a cache.</summary>
    Float32,

    /// <summary>bf16: half the size, results differ by rounding.</summary>
    [JsonStringEnumMemberName("bfloat16")]
    BFloat16,
}

/// <summary>In what kept tensors are made.</summary>
[JsonConverter(typeof(SnakeCaseEnum<CacheCompute>))]
public enum CacheCompute
{
    /// <summary>In the run's own precision.</summary>
    Auto,

    /// <summary>The blocks' products in 8-bit whole numbers, everything else as the run: sooner done, and results differ by
    /// rounding.</summary>
    Int8,
}

/// <summary>
/// The frozen-prefix cache: the <c>cache</c> section of a recipe. Layers below the first one that trains do the same work every epoch; it
/// is done once and kept on disk.
/// </summary>
/// <param name="Mode">Whether to keep anything.</param>
/// <param name="Views">Fixed augmented views of each training picture, used in turn: epoch e sees view (e − 1) mod N, drawn as epoch's
/// own augmentation would be. 0: none, so that an augmenting transform is not cached.</param>
/// <param name="Precision">How tensors are stored.</param>
/// <param name="Folder">Where to; the user's cache folder if null.</param>
/// <param name="MaxGb">Most gigabytes (10⁹ bytes) that the folder may hold, above 0; the oldest files make room.</param>
/// <param name="Compute">In what tensors are made.</param>
public sealed record CacheOptions(
    CacheMode Mode = CacheMode.Off, int Views = 0, CachePrecision Precision = CachePrecision.Auto, string? Folder = null, double MaxGb = 20,
    CacheCompute Compute = CacheCompute.Auto)
{
    internal void Check(RecipeCheck check)
    {
        check.Require(Views >= 0, "views", Views, "a whole number of at least 0");
        check.Require(Folder is null || !string.IsNullOrWhiteSpace(Folder), "folder", Folder, "a folder, or null");
        check.Require(MaxGb > 0 && double.IsFinite(MaxGb), "max_gb", MaxGb, "a number above 0");
    }
}
