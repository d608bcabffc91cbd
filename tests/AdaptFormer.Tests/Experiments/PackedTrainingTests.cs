using AdaptFormer.Data.Shards;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Experiments;

/// <summary>Training from shards as a user does it: packed by the program, then named in <c>data.packed</c>.</summary>
public sealed class PackedTrainingTests
{
    [Fact]
    public async Task Pictures_packed_without_loss_train_to_the_same_bits()
    {
        using TinyTask task = new();
        CliOutcome packed = await CliProgram.Run("data", "cache", task.Recipe, "--output", task["cache"], "--format", "raw", "--json");
        Assert.True(packed.Code == 0, packed.Error);
        Assert.Equal(24, packed.Json[0].GetProperty("pictures").GetInt32());
        (EpochRecord[] files, byte[] fromFiles) = Train(task.Recipe, task["files"]);
        (EpochRecord[] shards, byte[] fromShards) = Train(task.Recipe, task["shards"], $"data.packed={task["cache"]}");
        Assert.Equal(files.Select(epoch => epoch.TrainLoss), shards.Select(epoch => epoch.TrainLoss));
        Assert.Equal(fromFiles, fromShards);
    }

    [Fact]
    public async Task Clips_train_from_shards_nearly_as_from_files_and_the_same_with_any_number_of_workers()
    {
        using TinyClips task = new();
        CliOutcome packed = await CliProgram.Run("data", "cache", task.Recipe, "--output", task["cache"], "--json");
        Assert.True(packed.Code == 0, packed.Error);
        Assert.Equal(12, packed.Json[0].GetProperty("clips").GetInt32());
        (EpochRecord[] files, _) = Train(task.Recipe, task["files"]);
        (EpochRecord[] one, byte[] fromOne) = Train(task.Recipe, task["one"], $"data.packed={task["cache"]}", "workers=1");
        (EpochRecord[] three, byte[] fromThree) = Train(task.Recipe, task["three"], $"data.packed={task["cache"]}", "workers=3");
        Assert.Equal(one.Select(epoch => epoch.TrainLoss), three.Select(epoch => epoch.TrainLoss));
        Assert.Equal(fromOne, fromThree);
        for (int i = 0; i < files.Length; i++) Assert.Equal(files[i].TrainLoss, one[i].TrainLoss, 0.05);      // even frames are nearly the same as JPEG

        (EpochRecord[] part, _) = Train(task.Recipe, task["part"], $"data.packed={task["cache"]}", "data.validation_fraction=0.25");
        Assert.NotNull(part[^1].ValidationTop1);

        string shard = Directory.GetFiles(task["cache"]).Order(StringComparer.Ordinal).First();
        byte[] bytes = File.ReadAllBytes(shard);
        bytes[64 + (8 * 16) + ClipRecord.TableBytes(6) + 50] ^= 1;      // in the first frame of the first of 8 clips, which every epoch shows
        File.WriteAllBytes(shard, bytes);
        InvalidDataException damaged = Assert.Throws<InvalidDataException>(() => Train(task.Recipe, task["damaged"], $"data.packed={task["cache"]}"));
        Assert.Contains(shard, damaged.Message, StringComparison.Ordinal);
        Assert.Contains("is damaged; delete the file and run `adaptformer data cache` again", damaged.Message, StringComparison.Ordinal);
    }

    private static (EpochRecord[] Epochs, byte[] Learned) Train(string recipe, string output, params string[] settings)
    {
        List<RunRecord> records = [];
        TrainingSummary summary = TrainingRun.Execute(Recipe.Load(recipe, settings), output, ExistingRun.Refuse, records.Add);
        return ([.. records.OfType<EpochRecord>()], Tensors(summary.Adapter!));
    }

    /// <summary>The adapter's bytes after its header, which names times and paths.</summary>
    private static byte[] Tensors(string adapter)
    {
        byte[] bytes = File.ReadAllBytes(adapter);
        return bytes[(8 + (int)BitConverter.ToInt64(bytes))..];
    }
}
