using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Training;

/// <summary>The loaders that a recipe asks for: training, validation taken from the training data, test.</summary>
internal sealed class RecipeData : IDisposable
{
    private RecipeData(DataLoader train, DataLoader? validation, DataLoader? test, IReadOnlyList<string> classNames) =>
        (Train, Validation, Test, ClassNames) = (train, validation, test, classNames);

    public DataLoader Train { get; }

    public DataLoader? Validation { get; }

    public DataLoader? Test { get; }

    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether an item may have several classes.</summary>
    public bool MultiLabel => Train.MultiLabel;

    private CachedDataset? Cache { get; init; }

    /// <summary>Pictures of validation and test that could not be read so far, with the reason.</summary>
    public IEnumerable<(int Index, string Reason)> Unreadable => [.. Validation?.UnreadablePictures ?? [], .. Test?.UnreadablePictures ?? []];

    /// <param name="recipe">The recipe.</param>
    /// <param name="pictures">What the model's pictures must look like.</param>
    /// <param name="input">Shape of one input: [3, S, S] for pictures, [3, T, S, S] for clips.</param>
    public static RecipeData Open(Recipe recipe, Preprocessing pictures, Shape input)
    {
        bool clips = input.Rank == 4;
        DataOptions options = recipe.Data;
        if (options.Kind != DataOptions.Auto && ClipSource.Kinds.Contains(options.Kind) != clips)
            throw new ArgumentException($"data.kind '{options.Kind}' has {(clips ? "pictures" : "clips")}, and the model reads {(clips ? "clips" : "pictures")} {input}.");
        return clips ? OpenClips(recipe, pictures, input) : OpenPictures(recipe, pictures.ToTransform(options.Transform));
    }

    private static RecipeData OpenPictures(Recipe recipe, TransformOptions transform)
    {
        DataOptions options = recipe.Data;
        ImageDataset train = DatasetSource.Open($"{options.Kind}:{options.Train}");
        ImageDataset? test = options.Test is null ? null : DatasetSource.Open($"{options.Kind}:{options.Test}", train: false, train.ClassNames);
        (ImageDataset kept, ImageDataset? aside) = options.ValidationFraction > 0
            ? DatasetSplits.Stratified(train, options.ValidationFraction, recipe.Seed)
            : (train, (ImageDataset?)null);
        CachedDataset? cache = options.Packed is { } folder ? ImageCache.Open(train, folder) : null;
        if (cache is not null) kept = kept is SubsetDataset part ? new SubsetDataset(cache, part.Indices, "training part") : cache;
        (ImageTransform learning, ImageTransform scoring) = (ImageTransform.ForTraining(transform), ImageTransform.ForEvaluation(transform));
        return Of(recipe, train, new PictureSamples(kept, learning), aside is null ? null : new PictureSamples(aside, scoring), test is null ? null : new PictureSamples(test, scoring), cache);
    }

    private static RecipeData OpenClips(Recipe recipe, Preprocessing pictures, Shape input)
    {
        DataOptions options = recipe.Data;
        ClipDataset train = ClipSource.Open($"{options.Kind}:{options.Train}", options.Clip.Root);
        ClipDataset? test = options.Test is null ? null : ClipSource.Open($"{options.Kind}:{options.Test}", options.Clip.TestRoot ?? options.Clip.Root, train.ClassNames, train: false);
        (ClipDataset kept, ClipDataset? aside) = options.ValidationFraction > 0
            ? DatasetSplits.Stratified(train, options.ValidationFraction, recipe.Seed)
            : (train, (ClipDataset?)null);
        ClipOptions clip = options.Clip.For(input[1], input[2]);
        float[] mean = pictures.Mean.ToArray(), std = pictures.Std.ToArray();
        ClipTransform learning = new(clip, mean, std, train: true), scoring = new(clip, mean, std, train: false);
        return Of(recipe, train, new ClipSamples(kept, learning), aside is null ? null : new ClipSamples(aside, scoring), test is null ? null : new ClipSamples(test, scoring));
    }

    private static RecipeData Of(Recipe recipe, LabelledDataset train, SampleMaker kept, SampleMaker? aside, SampleMaker? test, CachedDataset? cache = null)
    {
        if (test is not null) DatasetSplits.RequireSameClasses(train, test.Data);
        if (test is { Data.MultiLabel: true } && !train.MultiLabel) throw new InvalidDataException($"{test.Data.Name} has several classes an item, {train.Name} one: training and test data must be of one kind.");

        // An epoch leaves out a last short batch, which BatchNorm would weigh as much as a full one; small sets are one batch.
        int batch = Math.Min(recipe.Batch, kept.Count);
        LoaderOptions learning = new(batch, Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed, MultiLabel: train.MultiLabel, Balanced: recipe.Data.Balanced);
        LoaderOptions scoring = new(recipe.Batch, Shuffle: false, DropLast: false, recipe.Workers, Unreadable: UnreadableImages.CountAsWrong, MultiLabel: train.MultiLabel);
        return new RecipeData(
            new DataLoader(kept, learning),
            aside is { Count: > 0 } ? new DataLoader(aside, scoring) : null,
            test is null ? null : new DataLoader(test, scoring),
            train.ClassNames)
        { Cache = cache };
    }

    public void Dispose()
    {
        Train.Dispose();
        Validation?.Dispose();
        Test?.Dispose();
        Cache?.Dispose();
    }
}
