using System.Text.RegularExpressions;
using AdaptFormer.Data.Images;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Files.Hub;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli;

/// <summary>
/// The commands of README.md, as they stand there and in their order, on small data: what they name (<c>flowers</c>, <c>photo.jpg</c>) lies in
/// the folder, and the weights that they fetch come from a Hub on this machine.
/// </summary>
public sealed partial class ReadmeCommandsTests : IDisposable
{
    // Commands of the SDK, which tools/packages/packages.sh runs on the packed files, and what takes longer than a test may.
    private static readonly string[] OfTheSdk = ["dotnet test", "dotnet pack", "dotnet tool install", "dotnet tool uninstall", "dotnet add package"];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_command_of_the_README_runs_as_it_stands()
    {
        Pictures("flowers/rose", 40, 3);
        Pictures("flowers/tulip", 200, 3);
        File.Copy(_folder["flowers/rose/0.png"], _folder["photo.jpg"]);
        using FakeHub hub = new() { Serves = "facebook/deit-tiny-patch16-224", Files = { ["model.safetensors"] = File.ReadAllBytes(Backbone()) } };
        Dictionary<string, string> environment = new() { ["HF_ENDPOINT"] = hub.Endpoint.ToString(), ["ADAPTFORMER_CACHE"] = _folder["cache"], ["NO_COLOR"] = "1" };

        List<string[]> ran = [];
        foreach (string command in Commands())
        {
            if (OfTheSdk.Any(known => command.StartsWith(known, StringComparison.Ordinal))) continue;
            string[] words = Words(command);
            // The first takes a minute, the other goes on until it is stopped; tests of their own run them.
            if (words is ["demo"] or ["serve", ..]) words = [words[0], "--help"];
            CliOutcome outcome = await CliProgram.RunIn(_folder.Path, environment, words);
            Assert.True(outcome.Code == 0, $"{command}\n{outcome.Output}\n{outcome.Error}");
            Assert.NotEqual("", outcome.Output);
            ran.Add(words);
        }

        Assert.Contains(ran, words => words is ["train", ..]);
        Assert.Contains(ran, words => words is ["predict", ..]);
        Assert.True(File.Exists(_folder["runs/flowers/report.html"]));
    }

    [Fact]
    public void Projects_and_documents_that_the_README_names_are_there()
    {
        string readme = Text();
        Assert.SkipWhen(Root() is null, "The tests do not run within the repository.");
        string[] named =
        [
            .. Link().Matches(readme).Select(match => match.Groups[1].Value).Where(target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#')).Select(target => target.Split('#')[0]),
            .. Project().Matches(readme).Select(match => match.Groups[1].Value),
        ];
        Assert.NotEmpty(named);
        Assert.DoesNotContain(named.Distinct(), path => !Path.Exists(Path.Combine(Root()!, path)));
    }

    // Lines of the blocks that hold commands, and commands within sentences that say more than a name.
    private static List<string> Commands()
    {
        string readme = Text();
        List<string> commands = [];
        foreach (Match match in Block().Matches(readme).Cast<Match>())
        {
            if (match.Groups["code"].Success)
            {
                if (match.Groups["code"].Value.StartsWith("adaptformer ", StringComparison.Ordinal)) commands.Add(match.Groups["code"].Value);
                continue;
            }

            string[] lines = match.Groups["lines"].Value.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (lines.All(IsCommand)) commands.AddRange(lines);
        }

        Assert.NotEmpty(commands);
        return commands;
    }

    private static bool IsCommand(string line) => line.StartsWith("dotnet ", StringComparison.Ordinal) || line.StartsWith("adaptformer ", StringComparison.Ordinal);

    // What the program gets: after `--` where the SDK starts it.
    private static string[] Words(string command)
    {
        string[] words = [.. Word().Matches(command).Select(match => match.Value.Trim('"', '\''))];
        int from = words[0] == "adaptformer" ? 0 : Array.IndexOf(words, "--");
        Assert.True(from >= 0, $"'{command}' is neither a call of the program nor one of {string.Join(", ", OfTheSdk)}");
        return words[(from + 1)..];
    }

    private void Pictures(string folder, int grey, int count)
    {
        Directory.CreateDirectory(_folder[folder]);
        using ImageBuffer picture = new(24, 24);
        for (int i = 0; i < count; i++)
        {
            picture.Pixels.Fill((byte)(grey + (5 * i)));
            PngWriter.Save(_folder[$"{folder}/{i}.png"], picture);
        }
    }

    // Of the published sizes, with weights of chance.
    private string Backbone()
    {
        using Backbone model = ModelZoo.Get("deit_tiny_patch16_224").Config.Create("deit_tiny_patch16_224");
        TinyBackbone.Randomize(model, 1, _ => true);
        CheckpointConverter.Save(_folder["model.safetensors"], StateDict.Of(model), new WeightsCard(Preprocessing.ImageNet(224)));
        return _folder["model.safetensors"];
    }

    private static string Text() => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "README.md"));

    private static string? Root()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "AdaptFormer.slnx"))) at = at.Parent;
        return at?.FullName;
    }

    [GeneratedRegex("^```\n(?<lines>(?:(?!```).*\n)+)```$|(?<!`)`(?<code>[^`\n]+)`(?!`)", RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex("\"[^\"]*\"|'[^']*'|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"--project (\S+)")]
    private static partial Regex Project();
}
