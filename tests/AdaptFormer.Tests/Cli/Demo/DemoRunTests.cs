using System.Text.Json;
using System.Text.RegularExpressions;
using AdaptFormer.Cli.Demo;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Images;
using AdaptFormer.Tests.Data;
using Xunit;

namespace AdaptFormer.Tests.Cli.Demo;

public sealed partial class DemoRunTests : IDisposable
{
    private static readonly DemoTask Small = new(TrainImages: 50, TestImages: 20, Epochs: 1, Seeds: 2);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void People_read_an_introduction_a_table_and_a_prediction()
    {
        string text = Mask(Run(json: false));
        Assert.StartsWith("The pictures of this demo are synthetic", text, StringComparison.Ordinal);
        Assert.All(DemoTask.Methods, method => Assert.Contains($"| {method.Name} ", text, StringComparison.Ordinal));
        Assert.Contains("from 5 pictures of each, tested on 20 others; 1 epochs a method, 2 seeds", text, StringComparison.Ordinal);
        Assert.Contains("From 5 pictures a class full tuning learns", text, StringComparison.Ordinal);
        Assert.Matches(@"points to full tuning\)\.", text);
        Assert.Contains("picture.png (synthetic", text, StringComparison.Ordinal);
        Assert.Matches(@"That is (right\.|wrong: it was drawn as \w+)", text);
        Assert.Equal((32, 32), Size("picture.png"));
        Assert.Equal((664, 268), Size("classes.png"));
    }

    [Fact]
    public void Scripts_read_a_line_a_method_and_one_with_everything()
    {
        string[] lines = Run(json: true).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5, lines.Length);
        Assert.Equal(["Linear", "VPT", "AdaptFormer-16", "Full tuning"], lines[..4].Select(line => JsonDocument.Parse(line).RootElement.GetProperty("method").GetString()));

        JsonElement all = JsonDocument.Parse(lines[4]).RootElement;
        Assert.True(all.GetProperty("synthetic").GetBoolean());
        Assert.Equal(4, all.GetProperty("results").GetArrayLength());
        Assert.All(all.GetProperty("results").EnumerateArray(), row =>
        {
            double[] perSeed = [.. row.GetProperty("test_top1_per_seed").EnumerateArray().Select(seed => seed.GetDouble())];
            Assert.Equal((2, perSeed.Average()), (perSeed.Length, row.GetProperty("test_top1").GetDouble()));
            Assert.InRange(row.GetProperty("train_top1").GetDouble(), 0, 100);
            Assert.Equal(row.GetProperty("adapter_bytes").GetInt64(), new FileInfo(row.GetProperty("adapter").GetString()!).Length);
        });
        Assert.Equal([0, 1], all.GetProperty("seeds").EnumerateArray().Select(seed => seed.GetInt32()));
        JsonElement prediction = all.GetProperty("prediction");
        Assert.True(File.Exists(prediction.GetProperty("picture").GetString()));
        Assert.Equal(Small.Test.ClassNames[0], prediction.GetProperty("truth").GetString());
        bool right = prediction.GetProperty("guesses")[0].GetProperty("label").GetString() == Small.Test.ClassNames[0];
        Assert.Equal(right, prediction.GetProperty("right").GetBoolean());
    }

    [Fact]
    public void A_stop_ends_the_demo_and_says_so()
    {
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new DemoRun(new Screen(TextWriter.Null, TextWriter.Null, terminal: false), Small, _folder.Path, firstSeed: 0, json: true).Execute(stop.Token));
    }

    private string Run(bool json)
    {
        StringWriter output = new();
        new DemoRun(new Screen(output, TextWriter.Null, terminal: false), Small, _folder.Path, firstSeed: 0, json).Execute(CancellationToken.None);
        return output.ToString();
    }

    private (int Width, int Height) Size(string name)
    {
        using ImageBuffer picture = ImageDecoder.Decode(_folder[name]);
        return (picture.Width, picture.Height);
    }

    /// <summary>What depends on the machine or on the last bit of a sum: paths, times, percentages, the guesses, and the width of the table's columns.</summary>
    private string Mask(string text)
    {
        text = text.ReplaceLineEndings("\n").Replace(_folder.Path, "FOLDER", StringComparison.Ordinal).Replace('\\', '/');
        text = Backend().Replace(text, "$1BACKEND");
        text = Guesses().Replace(text, "$1GUESSES");
        text = Duration().Replace(text, "TIME");
        text = Percent().Replace(text, "PERCENT");
        return Padding().Replace(Rule().Replace(text, "|---"), " ");
    }

    [GeneratedRegex(@"(runs on:  ).*")]
    private static partial Regex Backend();

    [GeneratedRegex(@"(sees: ).*")]
    private static partial Regex Guesses();

    [GeneratedRegex(@"\d+ min \d+ s|\d+\.\d s")]
    private static partial Regex Duration();

    [GeneratedRegex(@"[\d.]+ %( \([+-]?[\d.]+\))?")]
    private static partial Regex Percent();

    [GeneratedRegex(@"\|\s*-+:?\s*(?=\|)")]
    private static partial Regex Rule();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Padding();
}
