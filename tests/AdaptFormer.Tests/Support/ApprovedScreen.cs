using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace AdaptFormer.Tests.Support;

/// <summary>
/// What a terminal shows at a command's end, held by files under Fixtures/screens, one for each command, with a part for each width.
/// With <c>ADAPTFORMER_APPROVE=1</c> the tests rewrite those files in place of comparing.
/// </summary>
internal static partial class ApprovedScreen
{
    private const string Variable = "ADAPTFORMER_APPROVE", Folder = "Fixtures/screens", Frame = "╭│├╰", Hang = "    ";
    private static readonly Lock Guard = new();

    /// <summary>Compares a screen with its file, or rewrites that.</summary>
    /// <param name="name">The file's name, without ending.</param>
    /// <param name="columns">Cells of a line.</param>
    /// <param name="lines">The screen, whose numbers that vary are masked here.</param>
    /// <param name="mask">What else varies.</param>
    public static void Check(string name, int columns, IEnumerable<string> lines, Func<string, string>? mask = null)
    {
        string shown = string.Join('\n', Masked(lines, mask ?? (text => text)));
        if (Environment.GetEnvironmentVariable(Variable) == "1")
        {
            Approve(Path.Combine(Repository.Folder, "tests", "AdaptFormer.Tests", Folder, $"{name}.txt"), columns, shown);
            return;
        }

        string approved = Parts(Path.Combine(AppContext.BaseDirectory, Folder, $"{name}.txt")).GetValueOrDefault(columns, "");
        Assert.True(
            approved == shown,
            $"{name} at {columns} columns does not show what {Folder}/{name}.txt holds. If it is meant, {Variable}=1 rewrites the file.\n"
            + $"--- approved\n{approved}\n--- shown\n{shown}\n---");
    }

    /// <summary>
    /// Lines with <c>#</c> for numbers that vary. Where those decide how wide a column is or where a line breaks, the column and the
    /// break are left out: the rest stays as it is, blank for blank.
    /// </summary>
    public static IEnumerable<string> Masked(IEnumerable<string> lines, Func<string, string> mask)
    {
        foreach (List<string> block in Blocks(lines))
        {
            bool framed = IsFramed(block[0]);
            string[] one = framed ? [.. block] : [string.Join(' ', block.Select((line, i) => i == 0 ? line : line.Trim()))];
            string[] masked = [.. one.Select(line => mask(Numbers(line)))];
            bool entry = !framed && block.Count == 1 && block[0].StartsWith(' ');       // of a list; its values stand below each other
            if (masked.SequenceEqual(one)) foreach (string line in block) yield return line;
            else foreach (string line in masked) yield return entry ? line : Rule().Replace(Blanks().Replace(line, " "), "─");
        }
    }

    private static string Numbers(string text)
    {
        text = Backend().Replace(Precision().Replace(text, "TYPE"), "BACKEND");
        text = Duration().Replace(text, "# s");
        text = Measured().Replace(text, "# $1");
        text = Digest().Replace(text, "sha256:#");
        return Loss().Replace(text, "$1#");
    }

    // A frame, or a line with those that hang below it.
    private static IEnumerable<List<string>> Blocks(IEnumerable<string> lines)
    {
        List<string> block = [];
        foreach (string line in lines)
        {
            bool goesOn = block.Count > 0 && (IsFramed(line)
                ? IsFramed(block[^1]) && !line.StartsWith('╭')
                : line.StartsWith(Hang, StringComparison.Ordinal) && !IsFramed(block[^1]));
            if (!goesOn && block.Count > 0)
            {
                yield return block;
                block = [];
            }

            block.Add(line);
        }

        if (block.Count > 0) yield return block;
    }

    private static bool IsFramed(string line) => line.Length > 0 && Frame.Contains(line[0], StringComparison.Ordinal);

    private static void Approve(string path, int columns, string shown)
    {
        lock (Guard)
        {
            SortedDictionary<int, string> parts = File.Exists(path) ? Parts(path) : [];
            parts[columns] = shown;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, string.Concat(parts.Select(part => $"=== {part.Key} columns\n{part.Value}\n")));
        }
    }

    private static SortedDictionary<int, string> Parts(string path)
    {
        SortedDictionary<int, string> parts = [];
        if (!File.Exists(path)) return parts;
        foreach (Match part in Part().Matches(File.ReadAllText(path).ReplaceLineEndings("\n")))
            parts[int.Parse(part.Groups["columns"].Value, CultureInfo.InvariantCulture)] = part.Groups["text"].Value;
        return parts;
    }

    [GeneratedRegex(@"^=== (?<columns>\d+) columns\n(?<text>[\s\S]*?)\n(?==== |\z)", RegexOptions.Multiline)]
    private static partial Regex Part();

    [GeneratedRegex("(bfloat16|float32)(?= on CPU)")]
    private static partial Regex Precision();

    [GeneratedRegex("(?<= CPU, ).*$")]
    private static partial Regex Backend();

    [GeneratedRegex(@"\d+ h \d\d min|\d+ min \d\d s|\d+(\.\d+)? s\b")]
    private static partial Regex Duration();

    [GeneratedRegex(@"[+-]?\d[\d.,]*(?: ± [\d.]+)? ?(%|images/s|clips/s|GFLOP/s|kB|MB|GB|points)(?=\W|$)")]
    private static partial Regex Measured();

    [GeneratedRegex("sha256:[0-9a-f]+")]
    private static partial Regex Digest();

    [GeneratedRegex(@"((?:loss|epoch kept)[ │:]+)\d+(\.\d+)?")]
    private static partial Regex Loss();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Blanks();

    [GeneratedRegex("─+")]
    private static partial Regex Rule();
}
