using AdaptFormer.Peft;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>An adapter in few bits: written by convert, scored by eval like any other.</summary>
public sealed class PackCommandTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public async Task A_packed_adapter_is_small_scores_and_is_no_source_of_mistakes()
    {
        string run = task["run-pack"], adapter = Path.Combine(run, "adapter.safetensors"), packed = task["packed.safetensors"];
        CliOutcome trained = await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "epochs=1");
        Assert.True(trained.Code == 0, trained.Error);

        CliOutcome outcome = await CliProgram.Call("convert", adapter, packed, "--to", "adapter", "--bits", "4", "--backbone", task.Backbone);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Contains("in 4 bits each, 3 classes", outcome.Output);
        Assert.Contains("Its self-test's logits move by", outcome.Output);
        Assert.Equal(4, AdapterFile.Open(packed).Bits);
        CliOutcome score = await CliProgram.Call("eval", "--adapter", packed, "--weights", task.Backbone, "--data", task["test"], "--json");
        Assert.True(score.Code == 0, score.Error);
        Assert.InRange(score.Json[0].GetProperty("top1").GetDouble(), 0, 100);

        await Wrong("possible are 1, 2, 4, 8, 32", adapter, "--to", "adapter", "--bits", "3", "--backbone", task.Backbone);
        await Wrong("give it with --backbone", adapter, "--to", "adapter", "--bits", "4");
        await Wrong("--bits goes with an adapter file and --to adapter", adapter, "--to", "timm", "--bits", "4", "--backbone", task.Backbone);
        await Wrong("is no adapter file", task.Backbone, "--to", "adapter", "--bits", "4", "--backbone", task.Backbone);
        await Wrong("is an adapter file already", adapter, "--to", "adapter", "--backbone", task.Backbone);
        await Wrong("there is no such file", task["none.safetensors"], "--to", "adapter", "--bits", "4", "--backbone", task.Backbone);
    }

    private async Task Wrong(string reason, string source, params string[] options)
    {
        string target = task["never.safetensors"];
        CliOutcome outcome = await CliProgram.Call(["convert", source, target, .. options]);
        Assert.True(outcome.Code is 1 or 2, outcome.Output);
        Assert.Contains(reason, outcome.Error);
        Assert.False(File.Exists(target));
    }
}
