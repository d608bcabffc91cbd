using System.Diagnostics;
using AdaptFormer.Cli;
using Xunit;

namespace AdaptFormer.Tests.Cli;

public sealed class OpenFilesTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Theory]
    [InlineData(48)]
    [InlineData(64)]
    [InlineData(OpenFiles.Needed - 1)]
    public async Task A_limit_that_is_too_small_is_said_in_one_line(int limit)
    {
        CliOutcome outcome = await Under(limit, "doctor");
        Assert.Equal((1, ""), (outcome.Code, outcome.Output));
        Assert.Equal($"adaptformer: only {limit} files may be open at once, and at least 128 are needed; raise the limit (ulimit -n 128, or LimitNOFILE of a service).\n", outcome.Error);
    }

    [Fact]
    public async Task Under_the_least_limit_a_training_works()
    {
        CliOutcome outcome = await Under(OpenFiles.Needed, "train", task.Recipe, "--set", "epochs=1", "--output", task["run"]);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.True(File.Exists(task["run/report.html"]));
    }

    private static async Task<CliOutcome> Under(int limit, params string[] arguments)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such limit.");
        ProcessStartInfo start = new("/bin/sh", ["-c", $"ulimit -n {limit} && exec dotnet \"$@\"", "sh", Path.Combine(AppContext.BaseDirectory, "adaptformer.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        return await CliProgram.Finish(process);
    }
}
