using System.Globalization;
using AdaptFormer.Files;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;

namespace AdaptFormer.Runs;

/// <content>
/// Where a run can go on: <c>checkpoints/last.safetensors</c> of the last whole epoch, and
/// <c>checkpoints/epoch-0003-batch-00000040.safetensors</c> and the like within an epoch.
/// </content>
public sealed partial class RunDirectory
{
    private const string StepPattern = "epoch-*-batch-*.safetensors";

    /// <summary>Where the checkpoint within an epoch goes.</summary>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="batches">Batches of it that are done.</param>
    public string StepCheckpointPath(int epoch, int batches) => System.IO.Path.Combine(
        CheckpointsPath, string.Create(CultureInfo.InvariantCulture, $"epoch-{epoch:0000}-batch-{batches:00000000}.safetensors"));

    /// <summary>The checkpoints within epochs, the newest first.</summary>
    public IReadOnlyList<string> StepCheckpoints => !Directory.Exists(CheckpointsPath)
        ? []
        : [.. Directory.GetFiles(CheckpointsPath, StepPattern).OrderDescending(StringComparer.Ordinal)];

    /// <summary>Deletes all checkpoints within epochs but the newest.</summary>
    /// <param name="count">How many stay.</param>
    public void KeepCheckpoints(int count)
    {
        foreach (string path in StepCheckpoints.Skip(count)) Disk.Delete(path);
    }

    /// <summary>How far a run in a folder has come; null if there is none that can go on.</summary>
    /// <param name="path">The folder.</param>
    public static ResumePoint? Furthest(string path) => new RunDirectory(path).FindCheckpoint(out _);

    /// <summary>The checkpoint that stands furthest. One that cannot be read is passed over for an earlier one.</summary>
    /// <param name="damaged">What was wrong with those that were passed over, for people.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="InvalidDataException">There are some, and none can be read.</exception>
    public ResumePoint? FindCheckpoint(out IReadOnlyList<string> damaged)
    {
        List<ResumePoint> good = [];
        List<string> bad = [];
        InvalidDataException? first = null;
        foreach (string path in StepCheckpoints.Append(CheckpointPath).Where(File.Exists))
        {
            try
            {
                good.Add(Trainer.PlaceOf(path));
            }
            catch (InvalidDataException error)
            {
                first ??= error;
                bad.Add($"{error.Message.TrimEnd('.')}; it is left out");
            }
        }

        damaged = bad;
        if (good.Count == 0 && first is not null) throw first;
        return good.OrderByDescending(place => (place.Epoch, place.Batches)).FirstOrDefault();
    }
}
