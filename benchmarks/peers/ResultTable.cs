using System.Globalization;
using System.Text.Json.Nodes;

namespace AdaptFormer.Peers;

/// <summary>Turns the lines that <see cref="Comparison"/> wrote into a table in Markdown.</summary>
internal static class ResultTable
{
    /// <summary>Prints one table of all files. A ratio is taken within a turn, and the median over the turns is shown.</summary>
    public static int Print(IEnumerable<string> files)
    {
        JsonObject[] records = [.. files.SelectMany(File.ReadLines).Where(line => line.Length > 0)
            .Select(line => JsonNode.Parse(line)!.AsObject())];
        Console.WriteLine("| case | who | images/s | ours / theirs | peak MB | share of the limit |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (Case work in Case.All)
        {
            JsonObject[] mine = [.. records.Where(r => (string?)r["case"] == work.Name)];
            if (mine.Length == 0) continue;
            string ours = Case.Ours + work.Precision;
            string title = $"{work.Title}, {work.Precision}";
            foreach (string who in (string[])[ours, .. work.Peers])
            {
                Console.WriteLine($"| {title} | {Row(mine, who, ours)} |");
                title = "";
            }
        }

        foreach (JsonObject failed in records.Where(r => r["error"] is not null))
            Console.WriteLine($"\n{failed["case"]}, {failed["who"]}: {failed["error"]}");
        return 0;
    }

    private static string Row(JsonObject[] records, string who, string ours)
    {
        Dictionary<int, JsonObject> theirs = Turns(records, who), mine = Turns(records, ours);
        double[] rates = [.. theirs.Values.Select(r => (double)r["images_per_s"]!)];
        if (rates.Length == 0) return $"{who} | no figure | | |";
        double[] ratios = who == ours ? []
            : [.. theirs.Keys.Where(mine.ContainsKey).Select(turn => (double)mine[turn]["images_per_s"]! / (double)theirs[turn]["images_per_s"]!)];
        double[] shares = [.. theirs.Values.Select(r => r["share"]).OfType<JsonNode>().Select(share => (double)share)];
        double memory = Median([.. theirs.Values.Select(r => (double)r["peak_mb"]!)]);
        double own = Median([.. mine.Values.Select(r => (double)r["peak_mb"]!)]);
        string peak = who == ours || double.IsNaN(own) ? Text($"{memory:0}") : Text($"{memory:0} (ours {own / memory:0.00}x)");
        return $"{who} | {Spread(rates, "0.0#")} | {(ratios.Length == 0 ? "" : $"**{Spread(ratios, "0.00")}**")} | {peak} | "
            + (shares.Length == 0 ? "" : Text($"{Median(shares):0.00}"));
    }

    private static Dictionary<int, JsonObject> Turns(JsonObject[] records, string who) => records
        .Where(r => (string?)r["who"] == who && r["images_per_s"] is not null).GroupBy(r => (int)r["turn"]!)
        .ToDictionary(turn => turn.Key, turn => turn.Last());

    private static string Spread(double[] values, string format)
    {
        string Figure(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return values.Length == 1 ? $"{Figure(values[0])} (one turn)"
            : $"{Figure(Median(values))} ({Figure(values.Min())}-{Figure(values.Max())}; {values.Length})";
    }

    private static double Median(double[] values)
    {
        if (values.Length == 0) return double.NaN;
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
