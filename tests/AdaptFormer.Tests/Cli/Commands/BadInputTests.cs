using AdaptFormer.Tests.Files;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

/// <summary>Bad input, as a user meets it: the built program, one clear message, the right exit code.</summary>
public sealed class BadInputTests(TinyTask task) : IClassFixture<TinyTask>
{
    private const int FailedRun = 1, WrongCall = 2;

    public static TheoryData<int, string, string[]> Recipes => new()
    {
        { WrongCall, "tuning.bottlneck is not known (did you mean 'bottleneck'?)", ["tuning.bottlneck=3"] },
        { WrongCall, "tuning.method 'adaptfomer' is not known (did you mean 'adaptformer'?)", ["tuning.method=adaptfomer"] },
        { WrongCall, "tuning.layers is '3-4', expected", ["tuning.layers=3-4"] },
        { FailedRun, "model.weights: there is no file or folder 'nowhere.safetensors'", ["model.weights=nowhere.safetensors"] },
        { FailedRun, "wide.safetensors does not fit tiny:", ["model.weights={wide}"] },
        { FailedRun, "bad_past_end.safetensors:", ["model.weights={fixture}bad_past_end.safetensors"] },
        { FailedRun, "malicious_os_system_zip.pth:", ["model.weights={fixture}malicious_os_system_zip.pth"] },
        { FailedRun, "no pictures in class folder dark", ["data.train={empty}"] },
        { FailedRun, "missing: striped; unknown: plaid", ["data.test={other}"] },
        { FailedRun, "torn.png", ["data.train={torn}"] },
    };

    [Theory]
    [MemberData(nameof(Recipes))]
    public async Task A_recipe_that_cannot_be_carried_out_is_answered_in_one_message(int code, string expected, string[] edits)
    {
        Prepare();
        string output = task[$"run-{Guid.NewGuid():N}"];
        CliOutcome outcome = await CliProgram.Call(["train", task.Recipe, "--quiet", "--output", output, .. edits.SelectMany(edit => (string[])["--set", Fill(edit)])]);
        Expect(outcome, code, expected);
    }

    [Fact]
    public async Task An_output_folder_that_cannot_be_used_is_left_alone()
    {
        string file = task.Write("occupied/notes.txt", "mine");
        Expect(await CliProgram.Call("train", task.Recipe, "--output", file), FailedRun, "is a file; give the output as a folder");
        Expect(await CliProgram.Call("train", task.Recipe, "--output", task["occupied"]), FailedRun, "is not empty and holds no run");
        Expect(await CliProgram.Call("train", task.Recipe, "--output", Path.Combine(file, "run")), FailedRun, "notes.txt");
        Assert.Equal("mine", File.ReadAllText(file));

        string run = task["twice"];
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "epochs=1")).Code);
        Expect(await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "epochs=1"), FailedRun, "--overwrite");
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "epochs=1", "--overwrite")).Code);
    }

    [Fact]
    public async Task An_adapter_is_refused_on_another_backbone()
    {
        string run = task["mine"], adapter = Path.Combine(run, "adapter.safetensors");
        Assert.Equal(0, (await CliProgram.Call("train", task.Recipe, "--output", run, "--set", "epochs=1")).Code);
        string picture = task["test/dark/0.png"], twin = task.SaveBackbone("twin.safetensors", seed: 2), wide = task.SaveBackbone("wider.safetensors", seed: 1, embedDim: 32);
        Expect(await CliProgram.Call("predict", picture, "--adapter", adapter, "--weights", twin), FailedRun, "trained on other weights of tiny");
        Expect(await CliProgram.Call("predict", picture, "--adapter", adapter, "--weights", wide), FailedRun, "adapter.safetensors was trained on tiny");
        Expect(await CliProgram.Call("predict", picture, "--adapter", adapter), WrongCall, "give its weights too");
        Expect(await CliProgram.Call("predict", picture, "--adapter", task.Backbone, "--weights", task.Backbone), FailedRun, "backbone.safetensors");
        Expect(await CliProgram.Call("predict", picture), WrongCall, "Which model?");
        Expect(await CliProgram.Call("predict", task["nowhere.png"], "--run", run), FailedRun, "nowhere.png");
    }

    // The files that the recipes above spoil.
    private void Prepare()
    {
        lock (task)
        {
            if (File.Exists(task["wide.safetensors"])) return;
            task.WritePictures("empty", each: 1, seed: 3);
            File.Delete(task["empty/dark/0.png"]);
            task.WritePictures("other", each: 1, seed: 3);
            Directory.Move(task["other/striped"], task["other/plaid"]);
            task.WritePictures("torn", each: 4, seed: 3);
            task.Write("torn/dark/torn.png", File.ReadAllBytes(task["train/dark/0.png"])[..200]);
            task.SaveBackbone("wide.safetensors", seed: 1, embedDim: 32);
        }
    }

    private string Fill(string edit) => edit
        .Replace("{fixture}", TestFolder.Fixture("") + Path.DirectorySeparatorChar, StringComparison.Ordinal).Replace("{wide}", task["wide.safetensors"], StringComparison.Ordinal)
        .Replace("{empty}", task["empty"], StringComparison.Ordinal).Replace("{other}", task["other"], StringComparison.Ordinal).Replace("{torn}", task["torn"], StringComparison.Ordinal);

    private static void Expect(CliOutcome outcome, int code, string expected)
    {
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
        Assert.Equal(code, outcome.Code);
        Assert.StartsWith("adaptformer: ", outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("   at AdaptFormer", outcome.Error, StringComparison.Ordinal);
    }
}
