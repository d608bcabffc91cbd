using System.Text.Json;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Inference;

public sealed class ClipPredictionTests : IDisposable
{
    private readonly TinyClips _task = new();

    public void Dispose() => _task.Dispose();

    [Fact]
    public void An_adapter_records_how_clips_are_shown_and_scores_them_alike()
    {
        TrainingSummary summary = Train("data.clip.segments=2", "data.clip.crops=3", "data.clip.sampling=dense", "data.clip.sampling_rate=1", "data.clip.eval_resize=18", "data.clip.interpolation=bicubic");
        Preprocessing recorded = AdapterFile.Open(summary.Adapter!).Preprocessing;
        Assert.Equal(new ClipViews(FrameSampling.Dense, 1, 2, 3), recorded.Clips);
        Assert.Equal((16, 18, Interpolation.Bicubic, "imagenet"), (recorded.ImgSize, recorded.EvalResize, recorded.Interpolation, recorded.Statistics));
        Assert.Contains("2 x 3 views, dense, rate 1", recorded.ToString(), StringComparison.Ordinal);

        using Predictor predictor = Predictor.OpenAdapter(summary.Adapter!, null, Precision.Float32);
        using DataLoader loader = predictor.Load(Clips.Open("clip-csv:" + _task["test/list.csv"], classNames: predictor.Labels));
        Assert.Equal(36, loader.SamplesPerEpoch);
        Scores scores = Evaluator.Run(predictor.Model, loader);
        Assert.Equal((6, summary.TestTop1!.Value), (scores.Images, scores.Top1));
        Assert.Equal(summary.TestLoss!.Value, scores.Loss, 1e-6);
    }

    [Fact]
    public void The_answer_is_the_mean_of_the_logits_of_all_views()
    {
        TrainingSummary summary = Train();
        using Predictor predictor = Predictor.OpenAdapter(summary.Adapter!, null, Precision.Float32);
        ClipViews views = new(FrameSampling.Segments, 4, Segments: 2, Crops: 3);
        Prediction[] answers = [.. predictor.Predict(UnlabelledDataset.Of([_task["test"]], clips: true), batch: 4, views: views)];      // 4: a batch ends within a clip
        Assert.Equal(["bright0", "bright1", "bright2", "dark0", "dark1", "dark2"], answers.Select(answer => Path.GetFileName(answer.Path)));

        ImageTransform transform = ImageTransform.ForEvaluation(new TransformOptions(
            16, Interpolation: Interpolation.Bilinear, EvalResize: 16, Statistics: predictor.Pictures.Pixels, Crops: 3, Clip: new ClipOptions(4, Segments: 2)));
        ItemSamples samples = new(UnlabelledDataset.Of([_task["test/dark1"]], clips: true), transform);
        double[] sum = new double[2];
        for (int view = 0; view < 6; view++)
        {
            using TensorScope scope = new();
            Tensor clip = Tensor.Empty(new Shape(1, 3, 4, 16, 16));
            using IDisposable scratch = samples.CreateScratch();
            samples.Make(view, new Rng(0), clip.Span, scratch);
            Tensor logits = predictor.Model.Forward(clip);
            for (int k = 0; k < 2; k++) sum[k] += logits.Span[k] / 6;
        }

        double dark = 1 / (1 + Math.Exp(sum[0] - sum[1]));
        Assert.Equal(dark, answers[4].Classes.Single(score => score.Label == "dark").Probability, 1e-5);
    }

    [Fact]
    public async Task The_program_scores_and_names_clips_and_reports_one_that_it_cannot_read()
    {
        TrainingSummary summary = Train();
        foreach (string frame in Directory.GetFiles(_task["test/bright1"])) File.WriteAllText(frame, "no picture");
        string run = _task["run"], torn = _task["test/bright1"];

        CliOutcome eval = await CliProgram.Call("eval", "--run", run, "--segments", "2", "--json");
        Assert.True(eval.Code == 0, eval.Error);
        Assert.Equal((6, 1), (eval.Json[0].GetProperty("images").GetInt32(), eval.Json[0].GetProperty("unreadable").GetInt32()));
        Assert.Equal(100 * 5 / 6.0, eval.Json[0].GetProperty("top1").GetDouble(), 1e-9);
        Assert.Contains(torn, eval.Error, StringComparison.Ordinal);

        CliOutcome predict = await CliProgram.Call("predict", _task["test"], "--adapter", summary.Adapter!, "--json", "--top-k", "1", "--crops", "3");
        Assert.Equal(1, predict.Code);
        Assert.Equal(6, predict.Json.Length);
        Assert.Equal(["bright", null, "bright", "dark", "dark", "dark"], predict.Json.Select(line => line.GetProperty("classes") is var classes && classes.GetArrayLength() == 1 ? classes[0].GetProperty("label").GetString() : null));
        Assert.Contains($"adaptformer: {torn}", predict.Error, StringComparison.Ordinal);

        CliOutcome wrong = await CliProgram.Call("eval", "--run", run, "--kind", "folder");
        Assert.Equal(2, wrong.Code);
        Assert.Contains("has pictures, and the model reads clips", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("crops is 2", (await CliProgram.Call("predict", _task["test"], "--run", run, "--crops", "2")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Clips_are_video_files_and_folders_of_frames_wherever_they_lie()
    {
        _task.Write("mixed/deep/b.mp4", "");
        _task.Write("mixed/a.webm", "");
        _task.Write("mixed/notes.txt", "");
        _task.Write("mixed/c/1.png", "");
        UnlabelledDataset clips = UnlabelledDataset.Of([_task["mixed"], _task["test/dark0"]], clips: true);
        Assert.Equal(["mixed/a.webm", "mixed/c", "mixed/deep/b.mp4", "test/dark0"], Enumerable.Range(0, clips.Count).Select(i => Path.GetRelativePath(_task[""], clips.Source(i))));
        Assert.Equal(6, clips.FrameCount(3));
        Assert.Contains("holds no clips", Assert.Throws<InvalidDataException>(() => UnlabelledDataset.Of([Directory.CreateDirectory(_task["void"]).FullName], clips: true)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => UnlabelledDataset.Of([_task["nowhere"]], clips: true));
    }

    private TrainingSummary Train(params string[] settings) =>
        TrainingRun.Execute(Recipe.Load(_task.Recipe, settings), _task["run"], ExistingRun.Refuse, _ => { });
}
