using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Reports.TensorBoard;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Reports.TensorBoard;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly TinyTask _task = new();

    private string EventsPath => _task[$"run/tensorboard/{TensorBoardLog.FileName}"];

    public void Dispose() => _task.Dispose();

    [Fact]
    public void Checksums_are_those_of_RFC_3720()
    {
        // Appendix B.4: 32 bytes of zeros, of ones, and 0 to 31. Taking the mask off again must give its figures.
        byte[] ascending = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], ones = [.. Enumerable.Repeat((byte)0xff, 32)];
        foreach ((byte[] bytes, uint crc) in ((byte[], uint)[])[(new byte[32], 0x8a9136aa), (ones, 0x62a8ab43), (ascending, 0x46dd794e)])
            Assert.Equal(crc, uint.RotateLeft(EventFile.MaskedCrc(bytes) - 0xa282ead8, 15));
    }

    [Fact]
    public void Messages_are_written_as_the_wire_format_says()
    {
        // The examples of the format's documentation: a = 150 in field 1, and "testing" in field 2.
        Assert.Equal([0x08, 0x96, 0x01], new ProtobufWriter().Write(1, 150L).ToArray());
        Assert.Equal([0x12, 0x07, .. "testing"u8], new ProtobufWriter().Write(2, "testing").ToArray());
        Assert.Equal([0x1a, 0x03, 0x08, 0x96, 0x01], new ProtobufWriter().Write(3, new ProtobufWriter().Write(1, 150L)).ToArray());
        Assert.Equal([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f], new ProtobufWriter().Write(1, 1.5).ToArray());
        Assert.Equal([0x15, 0, 0, 0xc0, 0x3f], new ProtobufWriter().Write(2, 1.5f).ToArray());
        Assert.Equal([0x08, .. Enumerable.Repeat((byte)0xff, 9), 0x01], new ProtobufWriter().Write(1, -1L).ToArray());
    }

    [Fact]
    public void A_run_leaves_whole_records_and_one_that_goes_on_leaves_the_same()
    {
        Recipe recipe = Recipe.Load(_task.Recipe);
        TrainingRun.Execute(recipe, _task["run"], ExistingRun.Refuse, _ => { });
        byte[][] records = Records(File.ReadAllBytes(EventsPath));
        Assert.Equal(6, records.Length);                                                       // version, recipe, three epochs, end
        Assert.Contains("brain.Event:2", Encoding.UTF8.GetString(records[0]), StringComparison.Ordinal);
        Assert.Contains("tuning.bottleneck", Encoding.UTF8.GetString(records[1]), StringComparison.Ordinal);
        Assert.All(["loss/train", "loss/validation", "top1/train", "top1/validation", "lr", "speed/images_per_s", "speed/wait_share", "speed/seconds"],
            tag => Assert.Contains(tag, Encoding.UTF8.GetString(records[2]), StringComparison.Ordinal));
        Assert.All(["test/top1", "test/loss", "answers/01"], tag => Assert.Contains(tag, Encoding.UTF8.GetString(records[5]), StringComparison.Ordinal));
        Assert.Equal(15, File.ReadLines(_task["run/tensorboard/features.tsv"]).Count());
        Assert.All(File.ReadLines(_task["run/tensorboard/features.tsv"]), line => Assert.Equal(16, line.Split('\t').Length));
        Assert.Equal(16, File.ReadLines(_task["run/tensorboard/labels.tsv"]).Count());

        TrainingRun.Execute(recipe, _task["run"], ExistingRun.Resume, _ => { });
        byte[][] again = Records(File.ReadAllBytes(EventsPath));
        const int time = 9;                                                                    // the first field: when it was written
        for (int i = 2; i < 5; i++) Assert.Equal(records[i][time..], again[i][time..]);
        Assert.Equal(6, again.Length);
    }

    [Fact]
    public void A_recipe_may_leave_it_out()
    {
        TrainingRun.Execute(Recipe.Load(_task.Recipe, ["tensorboard=false", "epochs=1", "data.test=null"]), _task["run"], ExistingRun.Refuse, _ => { });
        Assert.False(Directory.Exists(_task["run/tensorboard"]));
    }

    [Fact]
    public void The_reader_of_TensorBoard_finds_what_the_run_logged()
    {
        TrainingSummary summary = TrainingRun.Execute(Recipe.Load(_task.Recipe), _task["run"], ExistingRun.Refuse, _ => { });
        JsonElement found = Read(_task["run/tensorboard"]);
        using RunDirectory run = RunDirectory.Open(_task["run"]);
        foreach (EpochRecord epoch in run.ReadLog())
        {
            Assert.Equal((epoch.Epoch, (float)epoch.TrainLoss), Scalar("loss/train", epoch.Epoch - 1));
            Assert.Equal((epoch.Epoch, (float)epoch.ValidationTop1!), Scalar("top1/validation", epoch.Epoch - 1));
        }

        Assert.Equal((summary.BestEpoch, (float)summary.TestTop1!), Scalar("test/top1", 0));
        JsonElement image = found.GetProperty("images").EnumerateObject().First().Value[0];
        Assert.Equal((112, 112, "89504e47"), (image[1].GetInt32(), image[2].GetInt32(), image[3].GetString()));
        Assert.Equal(12, found.GetProperty("images").EnumerateObject().Count());
        JsonElement hyper = found.GetProperty("_hparams_/session_start_info").GetProperty("session_start_info").GetProperty("hparams");
        Assert.Equal(4, hyper.GetProperty("tuning.bottleneck").GetDouble());
        Assert.Equal("adaptformer", hyper.GetProperty("tuning.method").GetString());
        Assert.True(hyper.GetProperty("data.transform.flip").GetBoolean());
        Assert.Equal("STATUS_SUCCESS", found.GetProperty("_hparams_/session_end_info").GetProperty("session_end_info").GetProperty("status").GetString());
        Assert.Contains("\"bottleneck\": 4", found.GetProperty("texts").GetProperty("recipe").GetString(), StringComparison.Ordinal);
        Assert.Equal([15, 16], found.GetProperty("embedding").EnumerateArray().Select(n => n.GetInt32()));

        (int Step, float Value) Scalar(string tag, int i) => found.GetProperty("scalars").GetProperty(tag)[i] is var pair ? (pair[0].GetInt32(), pair[1].GetSingle()) : default;
    }

    // Splits a file into its records and checks what stands around them.
    private static byte[][] Records(byte[] file)
    {
        List<byte[]> records = [];
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(EventFile.MaskedCrc(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            records.Add(file[(at + 12)..(at + 12 + length)]);
            Assert.Equal(EventFile.MaskedCrc(records[^1]), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            at += length + 16;
        }

        return [.. records];
    }

    // Its import takes seconds, so a machine that has it must also ask for it.
    private static JsonElement Read(string folder)
    {
        string? python = Environment.GetEnvironmentVariable("ADAPTFORMER_TENSORBOARD");
        Assert.SkipUnless(python is { Length: > 0 }, "TensorBoard's reader was not asked: set ADAPTFORMER_TENSORBOARD to a Python that can import tensorboard.");
        ProcessStartInfo start = new(python!) { RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(Repository.Folder, "tools", "tensorboard", "check.py"));
        start.ArgumentList.Add(folder);
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return JsonDocument.Parse(output).RootElement;
    }
}
