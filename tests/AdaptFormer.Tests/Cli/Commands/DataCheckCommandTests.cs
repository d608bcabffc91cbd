using System.Text.Json;
using AdaptFormer.Cli;
using AdaptFormer.Cli.Output;
using AdaptFormer.Tests.Data;
using Xunit;

namespace AdaptFormer.Tests.Cli.Commands;

public sealed class DataCheckCommandTests
{
    [Fact]
    public async Task Sound_data_end_with_zero_and_a_table()
    {
        using TempFolder folder = Pictures();
        (int code, string output, string error) = await Run("data", "check", folder.Path);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("| train | ", output);
        Assert.Contains("| b ", output);
        Assert.Contains("Nothing is wrong with these data.", output);
    }

    [Fact]
    public async Task Pictures_that_carry_an_orientation_are_counted_with_what_becomes_of_them()
    {
        using TinyTask task = new();
        foreach (string label in new[] { "bright", "dark" }) File.Copy(Inputs.At("orientation", "phone.jpg"), task[$"train/{label}/phone.jpg"]);
        (_, string output, _) = await Run("data", "check", task["train"]);
        Assert.Contains("2 pictures carry an orientation; they are turned (data.transform.orientation=apply).", output);
        (_, output, _) = await Run("data", "check", task.Recipe, "--set", "data.transform.orientation=ignore");
        Assert.Contains("2 pictures carry an orientation; they are not turned (data.transform.orientation=ignore).", output);
    }

    [Fact]
    public async Task One_class_is_something_wrong()
    {
        (int code, string output, _) = await Run("data", "check", Inputs.At("one-class"));
        Assert.Equal(1, code);
        Assert.Contains("There is one class alone: whatever a model answers is right, and it learns nothing.", output);
        Assert.DoesNotContain("Nothing is wrong", output);
    }

    [Fact]
    public async Task Files_that_are_left_out_are_counted_by_kind()
    {
        using TempFolder folder = Pictures();
        foreach (string file in new[] { "a/1.heic", "a/2.HEIC", "b/notes.txt", "b/README" }) folder.Write("train/" + file, "");
        (int code, string output, string error) = await Run("data", "check", folder.Path);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("train: 4 files are left out: 2 .heic, 1 without an ending, 1 .txt.", output);
        (_, output, _) = await Run("data", "check", folder.Path, "--json");
        Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("splits")[0].GetProperty("left_out").GetProperty(".heic").GetInt32());
    }

    [Fact]
    public async Task Pictures_are_known_by_their_content_whatever_they_are_called()
    {
        (_, string output, _) = await Run("data", "check", Inputs.At("left-out"), "--json");
        JsonElement part = JsonDocument.Parse(output).RootElement.GetProperty("splits")[0];
        Assert.Equal((8, 0), (part.GetProperty("items").GetInt32(), part.GetProperty("damaged").GetInt32()));
        Assert.Empty(part.GetProperty("left_out").EnumerateObject());
    }

    [Fact]
    public async Task Usual_parts_of_a_folder_are_shown_by_their_meaning()
    {
        (int code, string output, string error) = await Run("data", "check", Inputs.At("valid-split"));
        Assert.Equal((0, ""), (code, error));
        foreach (string part in new[] { "| train ", "| validation ", "| test ", "| cat ", "| dog " }) Assert.Contains(part, output);
        Assert.DoesNotContain("| valid ", output);
    }

    [Fact]
    public async Task A_list_in_another_encoding_is_one_message()
    {
        (int code, _, string error) = await Run("data", "check", Inputs.At("not-utf8", "gbk.csv"));
        Assert.Equal(1, code);
        Assert.Contains("line 2: not UTF-8", error);
    }

    [Fact]
    public async Task Findings_end_with_one_and_are_listed()
    {
        using TempFolder folder = Pictures();
        folder.Write("test/b/torn.png", "not a picture");
        folder.Write("test/a/again.png", File.ReadAllBytes(folder["train/a/1.png"]));
        (int code, string output, _) = await Run("data", "check", "folder:" + folder.Path);
        Assert.Equal(1, code);
        Assert.Contains("missing or damaged: 1", output);
        Assert.Contains("torn.png", output);
        Assert.Contains("the same picture in several parts: 1", output);

        (code, output, _) = await Run("data", "check", folder["train"], "--test", folder["test"], "--json");
        Assert.Equal(1, code);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.True(json.GetProperty("wrong").GetBoolean());
        Assert.Equal(4, json.GetProperty("splits")[1].GetProperty("items").GetInt32());
        Assert.True(json.GetProperty("duplicates")[0].GetProperty("across_splits").GetBoolean());
    }

    [Fact]
    public async Task A_recipe_names_its_data()
    {
        using TempFolder folder = Pictures();
        (int code, string output, string error) = await Run("data", "check", "image-folder", "--set", $"data.train={folder["train"]}", "--set", $"data.test={folder["test"]}");
        Assert.True(code == 0, output + error);
        Assert.Contains("| test ", output);
    }

    [Fact]
    public async Task A_quick_check_finds_what_is_missing_and_reads_nothing()
    {
        using TempFolder folder = Pictures();
        folder.Write("train/b/torn.png", "not a picture");
        (int code, string output, string error) = await Run("data", "check", folder.Path, "--quick");
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Nothing is missing; whether all can be read was not tried.", output);
        (code, output, _) = await Run("data", "check", folder.Write("list.csv", "train/a/1.png,x\nnone.png,x\n"), "--quick");
        Assert.Equal(1, code);
        Assert.Contains("none.png: It is not there.", output);
    }

    [Fact]
    public async Task Clips_have_frames_and_the_same_exit_codes()
    {
        using TempFolder folder = new();
        foreach (string clip in new[] { "frames/1", "frames/2" }) folder.WritePng($"{clip}/0.png", (byte)clip[^1]);
        string list = folder.Write("lists/train.csv", "1,run\n2,sit\n");
        (int code, string output, string error) = await Run("data", "check", $"clip-csv:{list}", "--root", folder["frames"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("| clips |", output);
        Assert.Contains("| frames |", output);
        folder.Write("lists/test.csv", "1,run\n3,sit\n");
        (code, output, _) = await Run("data", "check", $"clip-csv:{list}", "--test", $"clip-csv:{folder["lists/test.csv"]}", "--root", folder["frames"], "--json");
        Assert.Equal(1, code);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("clips", json.GetProperty("kind").GetString());
        Assert.Equal(1, json.GetProperty("splits")[1].GetProperty("missing").GetInt32());
        Assert.True(json.GetProperty("duplicates")[0].GetProperty("across_splits").GetBoolean());
    }

    [Theory]
    [InlineData(2, "data.clip.root=PATH", "data", "check", "image-folder", "--root", "x")]
    [InlineData(2, "--set goes with a recipe", "data", "check", ".", "--set", "data.train=x")]
    [InlineData(2, "kind 'tfrecord' is not known", "data", "check", "tfrecord:x")]
    [InlineData(1, "no-such-folder", "data", "check", "no-such-folder")]
    [InlineData(2, "--set data.test=PATH", "data", "check", "image-folder", "--test", "x")]
    public async Task A_wrong_call_is_answered_in_one_message(int code, string expected, params string[] args)
    {
        (int actual, _, string error) = await Run(args);
        Assert.Equal(code, actual);
        Assert.Contains(expected, error);
    }

    [Fact]
    public async Task A_cache_is_made_once_and_found_again()
    {
        using TempFolder folder = Pictures();
        for (int round = 0; round < 2; round++)
        {
            (int code, string output, string error) = await Run("data", "cache", folder["train"], "--output", folder["cache"], "--format", "raw", "--json");
            Assert.True(code == 0, error);
            Assert.Equal(2, JsonDocument.Parse(output).RootElement.GetProperty("pictures").GetInt32());
        }

        Assert.Equal("", (await Run("data", "cache", folder["train"], "--output", folder["cache"], "--format", "raw")).Error);
        (int refused, _, string reason) = await Run("data", "cache", folder["train"]);
        Assert.Equal(2, refused);
        Assert.Contains("--output FOLDER", reason);
        (refused, _, reason) = await Run("data", "cache", folder["train"], "--output", folder["small"], "--format", "raw", "--max-gigabytes", "0.0000001");
        Assert.Equal(1, refused);
        Assert.Contains("would exceed 100 bytes", reason);
    }

    private static TempFolder Pictures()
    {
        TempFolder folder = new();
        byte gray = 0;
        foreach (string file in new[] { "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png" }) folder.WritePng(file, ++gray);
        return folder;
    }

    private static async Task<(int Code, string Output, string Error)> Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = await Shell.RunAsync(args, new Screen(output, error, terminal: false));
        return (code, output.ToString(), error.ToString());
    }
}
