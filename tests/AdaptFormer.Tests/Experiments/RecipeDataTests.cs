using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>What a training says of its data before it begins, through the program.</summary>
public sealed class RecipeDataTests
{
    [Fact]
    public async Task One_class_is_refused()
    {
        using TinyTask task = new();
        (int code, _, string error) = await Train(task, $"data.train={Inputs.At("one-class", "train")}", $"data.test={Inputs.At("one-class", "test")}");
        Assert.Equal(1, code);
        Assert.Contains("items of one class alone (cat)", error);
    }

    [Fact]
    public async Task A_folder_of_parts_trains_on_its_own_training_part()
    {
        using TinyTask task = new();
        string folder = Inputs.At("valid-split");
        (int code, _, string error) = await Train(task, $"data.train={folder}", $"data.test={folder}", "epochs=1", "batch=8", "data.validation_fraction=0");
        Assert.True(code == 0, error);
        Assert.Contains("8 pictures of 2 classes", error);
    }

    [Fact]
    public async Task Files_left_out_are_said_in_the_first_lines()
    {
        using TinyTask task = new();
        File.WriteAllText(task["train/dark/photo.heic"], "");
        (int code, _, string error) = await Train(task, "epochs=1");
        Assert.Equal(0, code);
        Assert.Contains("1 file is left out: 1 .heic", error);
    }

    [Fact]
    public async Task Damaged_pictures_can_be_left_out()
    {
        using TinyTask task = new();
        File.WriteAllText(task["train/dark/torn.png"], "not a picture");
        File.WriteAllText(task["test/dark/torn.png"], "not a picture");
        (int code, _, string error) = await Train(task, "epochs=1", "data.validation_fraction=0");
        Assert.Equal(1, code);
        Assert.Contains("torn.png", error);
        (code, _, error) = await Train(task, "epochs=1", "data.damaged=leave_out");
        Assert.True(code == 0, error);
        Assert.Contains("1 of 25 items cannot be read and are left out (data.damaged)", error);
        Assert.Contains("1 of 16 items cannot be read and are left out (data.damaged)", error);
    }

    [Fact]
    public async Task Damaged_clips_can_be_left_out()
    {
        using TinyClips clips = new();
        clips.Write("train/dark0/3.png", "not a picture");
        (int code, _, string error) = await Train(clips.Recipe, clips["run"], "epochs=1", "data.damaged=leave_out");
        Assert.True(code == 0, error);
        Assert.Contains("1 of 12 items cannot be read and are left out (data.damaged)", error);
    }

    [Fact]
    public async Task A_batch_beyond_the_data_is_trained_and_scored_as_one()
    {
        using TinyTask task = new();
        (int code, _, string error) = await Train(task, "epochs=1", "batch=1000000");
        Assert.True(code == 0, error);
    }

    private static Task<(int Code, string Output, string Error)> Train(TinyTask task, params string[] settings) => Train(task.Recipe, task["run"], settings);

    private static async Task<(int Code, string Output, string Error)> Train(string recipe, string run, params string[] settings)
    {
        using StringWriter output = new(), error = new();
        string[] args = ["train", recipe, "--output", run, "--overwrite", .. settings.SelectMany(setting => new[] { "--set", setting })];
        int code = await Shell.RunAsync(args, new Screen(output, error, terminal: false));
        return (code, output.ToString(), error.ToString());
    }
}
