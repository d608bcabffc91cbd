using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Shards;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>data cache</c>.</summary>
/// <param name="Pictures">Pictures of the data set; null where it has clips.</param>
/// <param name="Clips">Clips of the data set; null where it has pictures.</param>
/// <param name="Unreadable">Those that cannot be read.</param>
/// <param name="Bytes">Size of the cache.</param>
/// <param name="Seconds">Duration of this call.</param>
/// <param name="Folder">Where the cache is.</param>
internal sealed record CacheResult(int? Pictures, int? Clips, int Unreadable, long Bytes, double Seconds, string Folder);

/// <summary><c>adaptformer data cache</c>: reduced copies of the training pictures or clips, packed, so that an epoch decodes
/// less.</summary>
internal static class DataCacheCommand
{
    private const double Gigabyte = 1e9;

    public static Command Create(Screen screen)
    {
        Argument<string> source =
            new("source")
            {
                Description =
                "A recipe, whose training pictures or clips are meant, or the data themselves: a path or kind:path."
            };
        Option<string[]> set = new("--set") { Description = "Change a key of the recipe.", HelpName = "key=value" };
        Option<string> root =
            new("--root") { Description = "Folder of the clips, when they lie elsewhere than their list.", HelpName = "folder" };
        Option<string> output =
            new("--output") { Description = "The cache's folder; data.packed of the recipe if left out.", HelpName = "folder" };
        Option<int> side = new(
            "--short-side")
        {
            Description = "Shorter side that larger pictures and frames are reduced to.",
            HelpName = "pixels",
            DefaultValueFactory = _ => new PackOptions().ShortSide
        };
        Option<PackFormat> format = new("--format") { Description = "jpeg is small; raw keeps pixels, ten times as large and fastest." };
        Option<int> quality =
            new("--quality")
            {
                Description = "JPEG quality, 1 to 100.",
                HelpName = "n",
                DefaultValueFactory = _ =>
                new PackOptions().Quality
            };
        Option<int> every = new(
            "--every")
        {
            Description = "Clips: keep every n-th frame; those between are shown by the one before.",
            HelpName = "n",
            DefaultValueFactory = _ => new PackOptions().Every
        };
        Option<double> most =
            new("--max-gigabytes")
            {
                Description = "Stop before the cache is larger than this.",
                HelpName = "n",
                DefaultValueFactory = _ =>
                double.PositiveInfinity
            };
        Option<bool> content =
            new("--by-content")
            {
                Description =
                "Know the files by their content and not by length and time of change: the cache survives copying, and each start reads "
                    + "all of them."
            };
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        source.OfferRecipes();
        FileCommand command = new(
            "cache", "Pack reduced copies of the training pictures, or the frames of the training clips, for faster epochs. A call that "
                + "was interrupted goes on where it was.")
            { source, set, root, output, side, format, quality, every, most, content, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                (LabelledDataset data, string? folder) = Open(parsed.GetValue(source)!, parsed.GetValue(set) ?? [], parsed.GetValue(root));
                folder = parsed.GetValue(output) ?? folder ?? throw new ArgumentException("data cache: where to? Give --output FOLDER.");
                double limit = parsed.GetValue(most) * Gigabyte;
                if (!(limit > 0)) throw new ArgumentException("data cache: --max-gigabytes must be positive.");
                long bytes = limit < long.MaxValue ? (long)limit : long.MaxValue, start = Stopwatch.GetTimestamp();
                (int unreadable, long size) = CountView.Show(screen, parsed.GetValue(json), "packing", progress =>
                {
                    if (parsed.GetValue(every) != 1 && !data.OfClips) throw new ArgumentException("data cache: --every is for clips.");
                    PackOptions options =
                        new(parsed.GetValue(side), parsed.GetValue(format), parsed.GetValue(quality), parsed.GetValue(every),
                            parsed.GetValue(content));
                    using CachedDataset cache = ItemCache.Build(data, folder, options, bytes, progress, cancellation);
                    return (cache.Unreadable.Count(), cache.Bytes);
                });
                string what = data.Things;
                CacheResult result = new(
                    data.OfClips ? null : data.Count, data.OfClips ? data.Count
                        : null, unreadable, size, Stopwatch.GetElapsedTime(start).TotalSeconds, folder);
                if (parsed.GetValue(json)) screen.Json(JsonSerializer.Serialize(result, DataCacheJson.Default.CacheResult));
                else screen.Line($"{folder}: {Format.Count(data.Count)} {what}, {Format.Bytes(result.Bytes)}, "
                    + $"{Format.Duration(result.Seconds)}. Use it with data.packed.");
                if (unreadable > 0) screen.Warn(
                    $"{Format.Count(unreadable)} {what} cannot be read, and training will stop at them; `adaptformer data check` names "
                        + "them.");
                return unreadable > 0 ? Failure.FailedRun : 0;
            },
            CancellationToken.None));
        return command;
    }

    private static (LabelledDataset Data, string? Folder) Open(string source, string[] overrides, string? root)
    {
        if (!RecipeFiles.Means(source))
        {
            if (overrides.Length > 0) throw new ArgumentException("data cache: --set goes with a recipe.");
            return (DatasetSource.Open(source, root: root), null);
        }

        if (root is not null)
            throw new ArgumentException("data cache: a recipe names the clips' folder itself; change it with --set data.clip.root=PATH.");

        string path = RecipeFiles.Find(source);
        if (PretrainRecipe.IsPretrain(path))
        {
            PretrainRecipe pretrain = PretrainRecipe.Load(path, overrides);
            return (PretrainingData.Open(pretrain.Data, IsOfClips(pretrain.Model, pretrain.Data)), pretrain.Data.Packed);
        }

        Recipe recipe = Recipe.Load(path, overrides);
        DataOptions data = recipe.Data;
        bool clips = IsOfClips(recipe.Model, data);
        LabelledDataset items = DatasetSource.Open($"{data.Kind}:{data.Train}", root: clips ? data.Clip.Root : null, clips: clips);
        if (data.Missing == MissingItems.LeaveOut) items = DatasetSplits.WithoutMissing(items);
        return (data.Damaged == MissingItems.LeaveOut ? DatasetCheck.WithoutDamaged(items) : items, data.Packed);
    }

    private static bool IsOfClips(ModelOptions model, DataOptions data) => data.Kind == DataOptions.Auto
        ? RecipeBackbone.Sizes(model).InputShape.Rank == 4
        : DatasetSource.ClipKinds.Contains(data.Kind);
}

/// <summary>How the outcome is written for scripts.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CacheResult))]
internal sealed partial class DataCacheJson : JsonSerializerContext;
