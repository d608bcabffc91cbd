using System.Text.Json;
using AdaptFormer.Onnx;
using AdaptFormer.Tests.Export;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary><c>adaptformer export</c> and <c>predict --runtime onnx</c>, as a user calls them.</summary>
public sealed class ExportCommandTests
{
    [Fact]
    public async Task A_run_is_exported_and_predicts_the_same_digits()
    {
        OnnxTrial.RequireRuntime();
        using TinyTask task = new();
        string run = task["run"], file = task["task.onnx"], picture = task[Path.Combine("test", "dark", "0.png")];
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--set", "epochs=1", "--output", run)).Code);

        CliOutcome export = await CliProgram.Call("export", run, "--output", file);
        Assert.True(export.Code == 0, export.Error);
        Assert.Contains("Checked in ONNX Runtime", export.Output);
        foreach (string language in new[] { "C#:", "JavaScript:", "Python:", "OnnxPredictor.Open(\"task.onnx\")" }) Assert.Contains(language, export.Output);

        CliOutcome own = await CliProgram.Call("predict", picture, "--run", run, "--json"), other = await CliProgram.Call("predict", picture, "--runtime", "onnx", "--weights", file, "--json");
        Assert.True(other.Code == 0, other.Error);
        JsonElement ours = own.Json[0].GetProperty("classes"), theirs = other.Json[0].GetProperty("classes");
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(ours[i].GetProperty("label").GetString(), theirs[i].GetProperty("label").GetString());
            Assert.Equal(ours[i].GetProperty("probability").GetDouble(), theirs[i].GetProperty("probability").GetDouble(), 5);
        }

        CliOutcome json = await CliProgram.Call("export", Path.Combine(run, "adapter.safetensors"), "--weights", task.Backbone, "--output", file, "--int8", "--pixels", "false", "--json");
        Assert.Equal("pixels", json.Json.Single().GetProperty("input").GetString());
        Assert.Equal(OnnxRuntimeLibrary.Version, json.Json[0].GetProperty("runtime").GetString());
    }

    [Fact]
    public async Task Wrong_calls_say_what_to_do_and_write_nothing()
    {
        using TinyTask task = new();
        string file = task["task.onnx"];
        await Refused("which model", "--output", file);
        await Refused("17 to 21", "--weights", task.Backbone, "--output", file, "--opset", "16");
        await Refused("one of --int8 and --float16", "--weights", task.Backbone, "--output", file, "--int8", "--float16");
        Assert.False(File.Exists(file));
    }

    private static async Task Refused(string reason, params string[] arguments)
    {
        CliOutcome outcome = await CliProgram.Call(["export", .. arguments]);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(reason, outcome.Error);
        Assert.Equal("", outcome.Output);
    }
}
