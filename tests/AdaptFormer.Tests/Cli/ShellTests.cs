using System.Text.Json;
using AdaptFormer.Cli;
using AdaptFormer.Cli.Commands;
using AdaptFormer.Cli.Output;
using AdaptFormer.Experiments;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Cli;

public sealed class ShellTests
{
    [Theory]
    [InlineData("docter", "Did you mean 'doctor'?", "See 'adaptformer --help'.")]
    [InlineData("doctor --jsno", "Did you mean '--json'?", "See 'adaptformer doctor --help'.")]
    [InlineData("doctor extra", "extra", "See 'adaptformer doctor --help'.")]
    public async Task A_wrong_call_is_answered_briefly_on_stderr_with_code_2(string call, string expected, string see)
    {
        (int code, string output, string error) = await Run(call.Split(' '));
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Contains(see, error, StringComparison.Ordinal);
        Assert.InRange(error.Split('\n').Length, 1, 5);
    }

    [Fact]
    public async Task Without_a_command_the_help_lists_all_commands()
    {
        (int code, string output, string error) = await Run();
        Assert.Equal(0, code);
        Assert.Empty(error);
        foreach (string command in Shell.Root(new Screen(TextWriter.Null, TextWriter.Null, false)).Subcommands.Where(c => !c.Hidden).Select(c => c.Name))
            Assert.Contains($"  {command} ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_names_the_kernels_in_use_and_how_to_get_what_is_missing()
    {
        (int code, string output, _) = await Run("doctor");
        Assert.Equal(0, code);
        foreach (string part in new[] { "Kernels in use: CPU", "Vector128", "oneDNN", "libturbojpeg", "libwebp", "ffmpeg", Environment.Version.ToString() })
            Assert.Contains(part, output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_speaks_json_to_scripts()
    {
        (int code, string output, _) = await Run("doctor", "--json");
        Assert.Equal(0, code);
        JsonElement root = JsonDocument.Parse(output).RootElement;
        Assert.Equal(Environment.ProcessorCount, root.GetProperty("machine").GetProperty("cores").GetInt32());
        Assert.Contains(root.GetProperty("auto_precision").GetString(), new[] { "float32", "bfloat16" });
        Assert.Contains(root.GetProperty("optional").EnumerateArray(), tool => tool.GetProperty("name").GetString() == "oneDNN");
    }

    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new OperationCanceledException(), 130, "adaptformer: Stopped." },
        { new RecipeException("r.json", ["epochs is 0"]), 2, "adaptformer: r.json: epochs is 0." },
        { new ArgumentOutOfRangeException("k", 3, "k must be small."), 2, "adaptformer: k must be small." },
        { new FileNotFoundException("There is no w.safetensors."), 1, "adaptformer: There is no w.safetensors." },
        { new InvalidDataException("w.safetensors: truncated."), 1, "adaptformer: w.safetensors: truncated." },
        { new AggregateException(new IOException("Disk full.")), 1, "adaptformer: Disk full." },
        { new InvalidOperationException("odd"), 1, "adaptformer: Unexpected InvalidOperationException: odd Set ADAPTFORMER_DEBUG=1 to see where." },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_failure_is_one_clear_message_and_the_right_code(Exception error, int code, string message)
    {
        StringWriter stderr = new();
        Assert.Equal(code, Failure.Report(error, new Screen(TextWriter.Null, stderr, terminal: false)));
        Assert.Equal(message, stderr.ToString().TrimEnd());
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        StringWriter output = new(), error = new();
        int code = await Shell.RunAsync(args, new Screen(output, error, terminal: false));
        return (code, output.ToString(), error.ToString());
    }
}
