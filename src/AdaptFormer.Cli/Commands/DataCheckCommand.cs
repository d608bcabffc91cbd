using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Training.Recipes;
using Spectre.Console;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer data check</c>: reads everything once and says what is missing, damaged, double or uneven.</summary>
internal static class DataCheckCommand
{
    private const int Listed = 20, ClassesShown = 40;

    public static Command Create(Screen screen)
    {
        Argument<string> source = new("source") { Description = "A recipe, or the data themselves: a path or kind:path." };
        Option<string[]> set = new("--set") { Description = "Change a key of the recipe.", HelpName = "key=value" };
        Option<string> test = new("--test") { Description = "The test data, when they lie elsewhere than the training data.", HelpName = "path" };
        Option<bool> all = new("--all") { Description = $"List everything: all classes, all damaged files, all duplicates; {Listed} of each if left out." };
        Option<bool> json = CommonOptions.Json("Print one JSON object.");
        Command command = new("check", "Read all data once; exit code 1 if something is wrong with them.") { source, set, test, all, json };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                IReadOnlyList<(string, ImageDataset)> splits = Splits(parsed.GetValue(source)!, parsed.GetValue(set) ?? [], parsed.GetValue(test));
                DatasetReport report = CountView.Show(screen, parsed.GetValue(json), "reading", progress => DatasetCheck.Run(splits, progress, cancellation));
                if (parsed.GetValue(json)) screen.Json(JsonSerializer.Serialize(report, DataCheckJson.Default.DatasetReport));
                else Show(screen, report, parsed.GetValue(all) ? int.MaxValue : Listed, parsed.GetValue(all) ? int.MaxValue : ClassesShown);
                return report.Wrong ? Failure.FailedRun : 0;
            },
            CancellationToken.None));
        return command;
    }

    private static IReadOnlyList<(string, ImageDataset)> Splits(string source, string[] overrides, string? test)
    {
        if (RecipeFiles.Means(source))
        {
            if (test is not null) throw new ArgumentException("data check: a recipe names its test data itself; change them with --set data.test=PATH.");
            DataOptions data = Recipe.Load(RecipeFiles.Find(source), overrides).Data;
            string kind = data.Kind == DataOptions.Auto ? "" : $"{data.Kind}:";
            return data.Test is null
                ? [("train", DatasetSource.Open(kind + data.Train))]
                : [("train", DatasetSource.Open(kind + data.Train)), ("test", DatasetSource.Open(kind + data.Test, train: false))];
        }

        if (overrides.Length > 0) throw new ArgumentException("data check: --set goes with a recipe.");
        return test is null ? DatasetSource.OpenParts(source) : [("train", DatasetSource.Open(source)), ("test", DatasetSource.Open(test, train: false))];
    }

    private static void Show(Screen screen, DatasetReport report, int listed, int classesShown)
    {
        Table splits = screen.Table("part", ">pictures", ">missing", ">damaged", ">classes", ">per class", ">width", ">height", "from");
        foreach (SplitReport split in report.Splits)
        {
            int[] counts = [.. split.PerClass.Where(n => n > 0).Order()];
            Screen.Row(splits, split.Name, Format.Count(split.Pictures), Format.Count(split.Missing), Format.Count(split.Damaged), Format.Count(counts.Length),
                counts.Length == 0 ? "-" : counts[0] == counts[^1] ? Format.Count(counts[0]) : $"{Format.Count(counts[0])} to {Format.Count(counts[^1])}",
                Spread(split.Width), Spread(split.Height), split.Source);
        }

        screen.Out.Write(splits);
        Table classes = screen.Table([report.ClassNames.Count > classesShown ? $"class (the first {classesShown} of {report.ClassNames.Count})" : "class", .. report.Splits.Select(split => $">{split.Name}")]);
        for (int c = 0; c < Math.Min(classesShown, report.ClassNames.Count); c++) Screen.Row(classes, [report.ClassNames[c], .. report.Splits.Select(split => Format.Count(split.PerClass[c]))]);
        screen.Out.Write(classes);

        List(screen, "missing or damaged", [.. report.Unreadable.Select(bad => $"{bad.Split}: {(bad.Reason.Contains(bad.Source, StringComparison.Ordinal) ? bad.Reason : $"{bad.Source}: {bad.Reason}")}")], listed);
        List(screen, "the same picture in several parts", Groups(report, group => group.AcrossSplits), listed);
        List(screen, "the same picture under several labels", Groups(report, group => !group.AcrossSplits && group.LabelsDiffer), listed);
        List(screen, "the same picture several times in one part, under one label (no error)", Groups(report, group => !group.AcrossSplits && !group.LabelsDiffer), listed);
        List(screen, "classes that the evaluation has and training lacks", report.OnlyEvaluated, listed);
        List(screen, "classes without pictures to train on", [.. report.WithoutPictures.Except(report.OnlyEvaluated)], listed);
        screen.Line(report.Wrong ? "Something is wrong with these data." : "Nothing is wrong with these data.");
    }

    private static string[] Groups(DatasetReport report, Func<DuplicateGroup, bool> which) =>
        [.. report.Duplicates.Where(which).Select(group => string.Join(" = ", group.Members.Select(m => $"{m.Split}: {m.Source} ({m.Label})")))];

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
}

/// <summary>How findings are written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DatasetReport))]
internal sealed partial class DataCheckJson : JsonSerializerContext;
