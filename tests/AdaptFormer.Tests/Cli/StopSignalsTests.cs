using System.Diagnostics;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cli;

public sealed class StopSignalsTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Theory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    [InlineData("HUP", 1)]
    public async Task Every_way_of_asking_to_stop_saves_alike_and_has_its_exit_code(string name, int number)
    {
        Interrupts.SkipUnlessHeard(number);
        string run = task[$"stopped-{name}"];
        using Process training = CliProgram.Start("train", task.Recipe, "--output", run, "--set", "epochs=1000000", "--json");
        Assert.NotNull(await training.StandardOutput.ReadLineAsync());          // an epoch is over
        await Interrupts.Send(name, training);
        CliOutcome outcome = await CliProgram.Finish(training);
        Assert.Equal(128 + number, outcome.Code);
        Assert.Matches(@"^adaptformer: Stopped after \d+ of 1000000 epochs; .* Go on with train --resume\.\s*$", outcome.Error);
        Assert.True(File.Exists(Path.Combine(run, "checkpoints", "last.safetensors")));
    }
}
