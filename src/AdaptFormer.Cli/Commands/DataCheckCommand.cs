using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer data check</c>: reads everything once and says what is missing, damaged, double or uneven.</summary>
internal static class DataCheckCommand
{
    private const int Listed = 20, ClassesShown = 40;

    public static Command Create(Screen screen)
    {
        Argument<string> source = new("source") { Description = "A recipe, or the data themselves: a path or kind:path." };
        Option<string[]> set = new("--set") { Description = "Change a key of the recipe.", HelpName = "key=value" };
        Option<string> test = new("--test")
        { Description = "The test data, when they lie elsewhere than the training data.", HelpName = "path" };
        Option<string> root = new("--root")
        { Description = "Folder of the clips, when they lie elsewhere than their list.", HelpName = "folder" };
        Option<bool> quick = new("--quick") { Description = "Only count, and find what is missing; nothing is read." };
        Option<bool> all = new("--all")
        { Description = $"List everything: all classes, all damaged files, all duplicates; {Listed} of each if left out." };
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        source.OfferRecipes();
        Command command =
            new("check", "Read all data once; exit code 1 if something is wrong with them.") { source, set, test, root, quick, all, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                (IReadOnlyList<(string, LabelledDataset)> splits, OrientationRule orientation) =
                    Splits(parsed.GetValue(source)!, parsed.GetValue(set) ?? [], parsed.GetValue(test), parsed.GetValue(root));
                DatasetReport report = CountView.Show(screen, parsed.GetValue(json), "reading",
                    progress => DatasetCheck.Run(splits, progress, read: !parsed.GetValue(quick), cancellation));
                if (parsed.GetValue(json)) screen.Json(JsonSerializer.Serialize(report, DataCheckJson.Default.DatasetReport));
                else Show(screen, report, orientation, parsed.GetValue(quick), parsed.GetValue(all)
                    ? int.MaxValue : Listed, parsed.GetValue(all) ? int.MaxValue : ClassesShown);
                return report.Wrong ? Failure.FailedRun : 0;
            },
            CancellationToken.None));
        return command;
    }

    private static (IReadOnlyList<(string, LabelledDataset)> Parts, OrientationRule Orientation) Splits(
        string source, string[] overrides, string? test, string? root)
    {
        if (RecipeFiles.Means(source))
        {
            if (test is not null)
                throw new ArgumentException("data check: a recipe names its test data itself; change them with --set data.test=PATH.");
            if (root is not null)
                throw new ArgumentException(
                    "data check: a recipe names the clips' folder itself; change it with --set data.clip.root=PATH.");
            DataOptions data = Recipe.Load(RecipeFiles.Find(source), overrides).Data;
            string kind = data.Kind == DataOptions.Auto ? "" : $"{data.Kind}:";
            LabelledDataset train = Open(kind + data.Train, data.Clip.Root, train: true);
            (string, LabelledDataset)[] parts = data.Test is null
                ? [("train", train)]
                : [("train", train), ("test", Open(kind + data.Test, data.Clip.TestRoot ?? data.Clip.Root, train: false))];
            return (parts, data.Transform.Orientation);
        }

        if (overrides.Length > 0) throw new ArgumentException("data check: --set goes with a recipe.");
        OrientationRule usual = new AugmentOptions().Orientation;
        if (test is not null) return ([("train", Open(source, root, train: true)), ("test", Open(test, root, train: false))], usual);
        return (DatasetSource.OpenParts(source, root), usual);
    }

    private static LabelledDataset Open(string spec, string? root, bool train) =>
        DatasetSource.MeansClips(spec) ? DatasetSource.Open(spec, train, root: root) : DatasetSource.Open(spec, train);

    private static void Show(Screen screen, DatasetReport report, OrientationRule orientation, bool quick, int listed, int classesShown)
    {
        (bool clips, bool timed) = (report.Kind == "clips", report.Splits.Any(split => split.Seconds is not null));
        Table splits = new Table(["part", $">{report.Kind}", ">missing", ">damaged", ">classes", ">per class", ">width", ">height", .. clips
            ? [">frames"] : Array.Empty<string>(), .. timed ? [">seconds"] : Array.Empty<string>(), "from"]);
        foreach (SplitReport split in report.Splits)
        {
            int[] counts = [.. split.PerClass.Where(n => n > 0).Order()];
            splits.Add([split.Name, Format.Count(split.Items), Format.Count(split.Missing), Format.Count(split.Damaged),
                Format.Count(counts.Length),
                counts.Length == 0
                    ? "-" : counts[0] == counts[^1] ? Format.Count(counts[0]) : $"{Format.Count(counts[0])} to {Format.Count(counts[^1])}",
                Spread(split.Width), Spread(split.Height), .. clips ? [Spread(split.Frames)] : Array.Empty<string>(), .. timed
                    ? [Spread(split.Seconds)] : Array.Empty<string>(), split.Source]);
        }

        screen.Write(splits);
        screen.Line("");
        Table classes = new Table([report.ClassNames.Count > classesShown ? $"class (the first {classesShown} of {report.ClassNames.Count})"
            : "class", .. report.Splits.Select(split => $">{split.Name}")]);
        for (int c = 0; c < Math.Min(classesShown, report.ClassNames.Count); c++)
            classes.Add([report.ClassNames[c], .. report.Splits.Select(split => Format.Count(split.PerClass[c]))]);
        screen.Write(classes);

        foreach (SplitReport split in report.Splits)
        {
            foreach (string note in split.Notes) screen.Line($"{split.Name}: {note}.");
            if (split.LeftOutText is { } leftOut) screen.Line($"{split.Name}: {leftOut}.");
        }

        if (report.Splits.Sum(split => split.Oriented) is > 0 and var oriented) screen.Line(Oriented(oriented, clips, orientation));
        if (report.OneClass) screen.Line("There is one class alone: whatever a model answers is right, and it learns nothing.");
        List(screen, "missing or damaged", [.. report.Unreadable.Select(bad =>
            $"{bad.Split}: {(bad.Reason.Contains(bad.Source, StringComparison.Ordinal) ? bad.Reason : $"{bad.Source}: {bad.Reason}")}")],
            listed);
        string item = clips ? "clip" : "picture";
        List(screen, $"the same {item} in several parts", Groups(report, group => group.AcrossSplits), listed);
        List(screen, $"the same {item} under several labels", Groups(report, group => !group.AcrossSplits && group.LabelsDiffer), listed);
        List(screen, $"the same {item} several times in one part, under one label (no error)",
            Groups(report, group => !group.AcrossSplits && !group.LabelsDiffer), listed);
        List(screen, "classes that the evaluation has and training lacks", report.OnlyEvaluated, listed);
        List(screen, $"classes without {report.Kind} to train on", [.. report.WithoutItems.Except(report.OnlyEvaluated)], listed);
        screen.Line(report.Wrong ? "Something is wrong with these data." : quick
            ? "Nothing is missing; whether all can be read was not tried." : "Nothing is wrong with these data.");
    }

    private static string Oriented(int count, bool clips, OrientationRule orientation)
    {
        string items = (clips ? "clip" : "picture") + (count == 1 ? " carries" : "s carry"), are = count == 1 ? "it is" : "they are";
        return orientation == OrientationRule.Apply
            ? $"{Format.Count(count)} {items} an orientation; {are} turned (data.transform.orientation=apply)."
            : $"{Format.Count(count)} {items} an orientation; {are} not turned (data.transform.orientation=ignore).";
    }

    private static string[] Groups(DatasetReport report, Func<DuplicateGroup, bool> which) =>
        [.. report.Duplicates.Where(which)
            .Select(group => string.Join(" = ", group.Members.Select(m => $"{m.Split}: {m.Source} ({m.Label})")))];

    private static void List(Screen screen, string title, IReadOnlyList<string> lines, int most)
    {
        if (lines.Count == 0) return;
        screen.Line("");
        screen.Line($"{title}: {Format.Count(lines.Count)}");
        foreach (string line in lines.Take(most)) screen.Line($"  {line}");
        if (lines.Count > most) screen.Line($"  … and {Format.Count(lines.Count - most)} more (--all lists them)");
    }

    private static string Spread(SizeStatistics? size) => size is not { } s ? "-" : s.Smallest == s.Largest
        ? s.Smallest.ToString(CultureInfo.InvariantCulture)
        : $"{s.Smallest} to {s.Largest} (median {s.Median})";

    private static string Spread(DurationStatistics? seconds) => seconds is not { } s
        ? "-"
        : string.Create(CultureInfo.InvariantCulture,
            $"{s.Shortest:0.##} to {s.Longest:0.##} (median {s.Median:0.##}), {Format.Duration(s.Total)} in all");
}

/// <summary>How findings are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DatasetReport))]
internal sealed partial class DataCheckJson : JsonSerializerContext;
