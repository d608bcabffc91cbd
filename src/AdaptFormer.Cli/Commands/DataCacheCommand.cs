using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Training.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>The outcome of <c>data cache</c>.</summary>
/// <param name="Pictures">Pictures of the data set.</param>
/// <param name="Unreadable">Those that cannot be read.</param>
/// <param name="Bytes">Size of the cache.</param>
/// <param name="Seconds">Duration of this call.</param>
/// <param name="Folder">Where the cache is.</param>
internal sealed record CacheResult(int Pictures, int Unreadable, long Bytes, double Seconds, string Folder);

/// <summary><c>adaptformer data cache</c>: reduced copies of the training pictures, packed, so that an epoch decodes less.</summary>
internal static class DataCacheCommand
{
    private const double Gigabyte = 1e9;

    public static Command Create(Screen screen)
    {
        Argument<string> source = new("source") { Description = "A recipe, whose training pictures are meant, or the data themselves: a path or kind:path." };
        Option<string[]> set = new("--set") { Description = "Change a key of the recipe.", HelpName = "key=value" };
        Option<string> output = new("--output") { Description = "The cache's folder; data.packed of the recipe if left out.", HelpName = "folder" };
        Option<int> side = new("--short-side") { Description = "Shorter side that larger pictures are reduced to.", HelpName = "pixels", DefaultValueFactory = _ => new ImageCacheOptions().ShortSide };
        Option<ImageCacheFormat> format = new("--format") { Description = "jpeg is small; raw keeps pixels, ten times as large and fastest." };
        Option<int> quality = new("--quality") { Description = "JPEG quality, 1 to 100.", HelpName = "n", DefaultValueFactory = _ => new ImageCacheOptions().Quality };
        Option<double> most = new("--max-gigabytes") { Description = "Stop before the cache is larger than this.", HelpName = "n", DefaultValueFactory = _ => double.PositiveInfinity };
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        Command command = new("cache", "Pack reduced copies of the training pictures for faster epochs. A call that was interrupted goes on where it was.") { source, set, output, side, format, quality, most, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                (ImageDataset data, string? folder) = Open(parsed.GetValue(source)!, parsed.GetValue(set) ?? []);
                folder = parsed.GetValue(output) ?? folder ?? throw new ArgumentException("data cache: where to? Give --output FOLDER.");
                ImageCacheOptions options = new(parsed.GetValue(side), parsed.GetValue(format), parsed.GetValue(quality));
                double limit = parsed.GetValue(most) * Gigabyte;
                if (!(limit > 0)) throw new ArgumentException("data cache: --max-gigabytes must be positive.");
                long start = Stopwatch.GetTimestamp();
                using CachedDataset cache = CountView.Show(screen, parsed.GetValue(json), "packing",
                    progress => ImageCache.Build(data, folder, options, limit < long.MaxValue ? (long)limit : long.MaxValue, progress, cancellation));
                CacheResult result = new(cache.Count, cache.Unreadable.Count(), cache.Bytes, Stopwatch.GetElapsedTime(start).TotalSeconds, folder);
                if (parsed.GetValue(json)) screen.Json(JsonSerializer.Serialize(result, DataCacheJson.Default.CacheResult));
                else screen.Line($"{folder}: {Format.Count(result.Pictures)} pictures, {Format.Bytes(result.Bytes)}, {Format.Duration(result.Seconds)}. Use it with data.packed.");
                if (result.Unreadable > 0) screen.Warn($"{Format.Count(result.Unreadable)} pictures cannot be read, and training will stop at them; `adaptformer data check` names them.");
                return result.Unreadable > 0 ? Failure.FailedRun : 0;
            },
            CancellationToken.None));
        return command;
    }

    private static (ImageDataset Data, string? Folder) Open(string source, string[] overrides)
    {
        if (!RecipeFiles.Means(source))
            return overrides.Length == 0 ? (DatasetSource.Open(source), null) : throw new ArgumentException("data cache: --set goes with a recipe.");
        DataOptions data = Recipe.Load(RecipeFiles.Find(source), overrides).Data;
        ImageDataset train = DatasetSource.Open($"{data.Kind}:{data.Train}");
        return (data.Missing == MissingItems.LeaveOut ? DatasetSplits.WithoutMissing(train) : train, data.Packed);
    }
}

/// <summary>How the outcome is written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CacheResult))]
internal sealed partial class DataCacheJson : JsonSerializerContext;
