using System.Diagnostics;
using System.Text.Json;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Synthetic;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Demo;

/// <summary>The demo carried out: four methods under each seed, a table, and a prediction on a picture of the test set.</summary>
/// <param name="screen">Where to.</param>
/// <param name="task">What to train on, and for how long.</param>
/// <param name="folder">Where runs and pictures go.</param>
/// <param name="firstSeed">The first seed; the others follow it.</param>
/// <param name="json">JSON lines in place of text: one a method, and a last one with everything.</param>
internal sealed class DemoRun(Screen screen, DemoTask task, string folder, long firstSeed, bool json)
{
    /// <summary>The file with a picture of every class.</summary>
    public const string ClassesName = "classes.png";

    private const string PictureName = "picture.png";

    private const int TopK = 3;

    /// <summary>Does it.</summary>
    /// <exception cref="TrainingStoppedException">It was stopped.</exception>
    public void Execute(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        SyntheticShapes test = task.Test;
        Disk.CreateFolder(folder);
        DemoPictures.SaveClasses(test, In(ClassesName));
        if (!json) foreach (string line in DemoText.Introduction(task, folder, Backend.Current.Name)) screen.Line(line);

        IReadOnlyList<DemoRow> rows = CountView.Show(screen, json, "epochs", progress => Train(progress, cancellation));
        DemoSummary summary = new(
            Synthetic: true, Seeds, Backend.Current.Name, task.TrainImages, task.TestImages, task.Epochs, rows, Predict(test),
            Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (json)
        {
            foreach (DemoRow row in rows) screen.Json(JsonSerializer.Serialize(row, DemoJson.Default.DemoRow));
            screen.Json(JsonSerializer.Serialize(summary, DemoJson.Default.DemoSummary));
            return;
        }

        screen.Note("");
        screen.Write(DemoText.Table(rows));
        foreach (string line in DemoText.Lines(task, summary)) screen.Line(line);
    }

    private long[] Seeds => [.. Enumerable.Range(0, task.Seeds).Select(i => firstSeed + i)];

    // Seed by seed, so that the time that is left can be told from the first of them.
    private IReadOnlyList<DemoRow> Train(Action<int, int> progress, CancellationToken cancellation)
    {
        Dictionary<DemoMethod, List<DemoTraining>> trainings =
            DemoTask.Methods.ToDictionary(method => method, _ => new List<DemoTraining>());
        int done = 0, total = task.Seeds * DemoTask.Methods.Count * task.Epochs;
        foreach (long seed in Seeds)
        {
            foreach ((DemoMethod method, List<DemoTraining> of) in trainings)
            {
                double trainTop1 = 0;
                TrainingSummary run = TrainingRun.Execute(
                    task.Recipe(method, seed), FolderOf(method, seed), ExistingRun.Overwrite, record =>
                    {
                        if (record is WarningRecord warning) screen.Warn(warning.Message);
                        if (record is not EpochRecord epoch) return;
                        trainTop1 = epoch.TrainTop1 ?? 0;      // pictures of one class each always have it
                        progress(++done, total);
                    },
                    cancellation);
                of.Add(new DemoTraining(run, trainTop1));
            }

            if (!json) screen.Note(DemoText.Line(seed, trainings));
        }

        return [.. trainings.Select(entry => DemoRow.Of(entry.Key, entry.Value))];
    }

    /// <summary>Opens the adapter's run anew, as any other program would, and asks it about a picture file.</summary>
    private DemoPrediction Predict(SyntheticShapes test)
    {
        int index = (int)((ulong)firstSeed % (ulong)test.Count);
        DemoMethod method = DemoTask.Methods.First(method => method.Tuning is AdaptFormerTuning);
        DemoPictures.Save(test, index, In(PictureName));
        using Predictor predictor = Predictor.OpenRun(FolderOf(method, firstSeed));
        return new DemoPrediction(
            In(PictureName), method.Name, test.ClassNames[test.Label(index)], predictor.Predict(In(PictureName), TopK));
    }

    private string FolderOf(DemoMethod method, long seed) => Path.Combine(folder, method.Tuning.Method, $"seed-{seed}");

    private string In(string name) => Path.Combine(folder, name);
}
