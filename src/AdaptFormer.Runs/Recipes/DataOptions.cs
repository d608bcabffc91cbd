using System.Text.Json.Serialization;
using AdaptFormer.Data;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Recipes;

/// <summary>What becomes of items that cannot be used.</summary>
[JsonConverter(typeof(SnakeCaseEnum<MissingItems>))]
public enum MissingItems
{
    /// <summary>They stop training, and count as wrong in a score.</summary>
    Error,

    /// <summary>They are left out of training and score, and counted: and said.</summary>
    LeaveOut,
}

/// <summary>Training and test data: the <c>data</c> section of a recipe. Paths are relative to the current directory.</summary>
/// <param name="Train">File or folder of the training data.</param>
/// <param name="Test">File or folder of the test data, scored once at the end; null if there is none.</param>
/// <param name="Kind">Layout of both, one of <see cref="DatasetSource.Kinds"/>, or of <see cref="DatasetSource.ClipKinds"/> for videos;
/// <c>auto</c> tells it by what is there.</param>
/// <param name="ValidationFraction">Share of the training data, in [0, 0.9], set aside to choose the best epoch; 0 keeps the last
/// epoch.</param>
/// <param name="Transform">How pictures are cut and resized; the authors' image settings when left out.</param>
/// <param name="Packed">Folder of reduced copies of the training pictures or clips, made by <c>adaptformer data cache</c>; null reads the
/// files themselves, as validation and test always do.</param>
/// <param name="Clip">How videos become clips, for models that read clips; one frame of each of T parts and multi-scale crops when left
/// out.</param>
/// <param name="Balanced">Whether an epoch draws training items with replacement so that all classes come equally often; otherwise each
/// comes once.</param>
/// <param name="Missing">What becomes of items that a list names and whose files are not there; left out for sets of which nobody has
/// everything, such as Kinetics and NUS-WIDE.</param>
/// <param name="Damaged">What becomes of items that are there and cannot be read; leaving them out takes reading everything once at the
/// start.</param>
/// <param name="Validation">File or folder of data that choose the best epoch, of the layout of the training data; a share of the
/// training data (<paramref name="ValidationFraction"/>) if null.</param>
public sealed record DataOptions(
    string Train,
    string? Test = null,
    string Kind = DataOptions.Auto,
    double ValidationFraction = 0,
    AugmentOptions? Transform = null,
    string? Packed = null,
    ClipSettings? Clip = null,
    bool Balanced = false,
    MissingItems Missing = MissingItems.Error,
    MissingItems Damaged = MissingItems.Error,
    string? Validation = null)
{
    /// <summary>The <see cref="Kind"/> that is told by what is there.</summary>
    public const string Auto = "auto";

    /// <summary>How pictures are cut and resized, never null.</summary>
    public AugmentOptions Transform { get; init; } = Transform ?? new AugmentOptions();

    /// <summary>How videos become clips, never null.</summary>
    public ClipSettings Clip { get; init; } = Clip ?? new ClipSettings();

    /// <summary>Whether some data choose the best epoch.</summary>
    public bool HasValidation => Validation is not null || ValidationFraction > 0;

    internal void Check(RecipeCheck check)
    {
        check.Require(!string.IsNullOrWhiteSpace(Train), "train", Train, "the path of the training data");
        check.Require(Test is null || !string.IsNullOrWhiteSpace(Test), "test", Test, "the path of the test data, or null");
        check.Require(Kind == Auto || DatasetSource.Kinds.Contains(Kind)
            || DatasetSource.ClipKinds.Contains(Kind), "kind", Kind,
                $"one of {Auto}, {string.Join(", ", DatasetSource.Kinds.Concat(DatasetSource.ClipKinds))}");
        check.Require(ValidationFraction is >= 0 and <= 0.9, "validation_fraction", ValidationFraction, "a number in [0, 0.9]");
        check.Require(
            Validation is null || !string.IsNullOrWhiteSpace(Validation), "validation", Validation,
            "the path of the validation data, or null");
        check.Require(Validation is null || ValidationFraction == 0, "validation_fraction", ValidationFraction, "0 beside data.validation");
        check.Require(Packed is null || !string.IsNullOrWhiteSpace(Packed), "packed", Packed, "the folder of a cache, or null");
        Transform.Check(check.At("transform"));
        Clip.Check(check.At("clip"));
    }
}
