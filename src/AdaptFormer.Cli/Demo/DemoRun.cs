using System.Diagnostics;
using System.Text.Json;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Training;

namespace AdaptFormer.Cli.Demo;

/// <summary>The demo carried out: four runs into one folder, a table, and a prediction on a picture of the test set.</summary>
/// <param name="screen">Where to.</param>
/// <param name="task">What to train on, and for how long.</param>
/// <param name="folder">Where runs and pictures go.</param>
/// <param name="seed">The runs' seed.</param>
/// <param name="json">JSON lines in place of text: one a method, and a last one with everything.</param>
internal sealed class DemoRun(Screen screen, DemoTask task, string folder, long seed, bool json)
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

        List<DemoRow> rows = [];
        foreach (DemoMethod method in DemoTask.Methods)
        {
            TrainingSummary run = RunView.Show(screen, json, report => TrainingRun.Execute(
                task.Recipe(method, seed), In(method.Tuning.Method), ExistingRun.Overwrite, Only(report), cancellation));
            DemoRow row = DemoRow.Of(method, run);
            rows.Add(row);
            if (json) screen.Json(JsonSerializer.Serialize(row, DemoJson.Default.DemoRow));
            else screen.Note(DemoText.Line(row));
        }

        DemoSummary summary = new(
            Synthetic: true, seed, Backend.Current.Name, task.TrainImages, task.TestImages, task.Epochs, rows, Predict(test),
            Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (json)
        {
            screen.Json(JsonSerializer.Serialize(summary, DemoJson.Default.DemoSummary));
            return;
        }

        screen.Note("");
        screen.Write(DemoText.Table(rows));
        screen.Line("");
        foreach (string line in DemoText.Lines(summary)) screen.Line(line);
    }

    /// <summary>Progress alone: what a run says about itself is in its folder, and the demo has its own words.</summary>
    private static Action<RunRecord> Only(Action<RunRecord> report) => record =>
    {
        if (record is ProgressRecord or WarningRecord) report(record);
    };

    /// <summary>Opens the adapter's run anew, as any other program would, and asks it about a picture file.</summary>
    private DemoPrediction Predict(SyntheticShapes test)
    {
        int index = (int)((ulong)seed % (ulong)test.Count);
        DemoMethod method = DemoTask.Methods.First(method => method.Tuning is AdaptFormerTuning);
        DemoPictures.Save(test, index, In(PictureName));
        using Predictor predictor = Predictor.OpenRun(In(method.Tuning.Method));
        return new DemoPrediction(In(PictureName), method.Name, test.ClassNames[test.Label(index)], predictor.Predict(In(PictureName), TopK));
    }

    private string In(string name) => Path.Combine(folder, name);
}
