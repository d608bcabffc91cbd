using System.Text.Json;
using AdaptFormer.Data;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.Vit;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using AdaptFormer.Training.Tasks;
using Xunit;

namespace AdaptFormer.Tests.Training.Tasks;

public sealed class TrainingTaskTests : IDisposable
{
    private const int Epochs = 5;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_task_with_a_head_over_tokens_is_one_file_and_trains_is_scored_and_goes_on()
    {
        List<EpochRecord> whole = Train(resumed: false), parts = Train(resumed: true);
        Assert.Equal(Epochs, whole.Count);
        Assert.True(whole[^1].TrainLoss < 0.8 * whole[0].TrainLoss, $"{whole[0].TrainLoss} to {whole[^1].TrainLoss}");
        Assert.True(whole[^1].Figures!["validation_patches"] > 75, $"{whole[^1].Figures!["validation_patches"]} %");
        Assert.Null(whole[^1].TrainTop1);
        Assert.Equal(whole.Select(Numbers), parts.Select(Numbers));
        EpochRecord read = Assert.IsType<EpochRecord>(RunRecord.FromJsonLine(whole[^1].ToJsonLine()));
        Assert.Equal(whole[^1].Figures, read.Figures);

        static string Numbers(EpochRecord epoch) => $"{epoch.Epoch} {epoch.TrainLoss:R} {epoch.ValidationLoss:R} {string.Join(' ', epoch.Figures!)}";
    }

    [Fact]
    public void Scores_are_written_flat_as_earlier_checkpoints_hold_them_and_may_be_no_number()
    {
        TaskScores scores = new(20, double.NaN, new Dictionary<string, double> { ["top1"] = 12.5, ["top5"] = double.PositiveInfinity });
        string json = JsonSerializer.Serialize(scores);
        Assert.Equal("""{"images":20,"loss":"NaN","top1":12.5,"top5":"Infinity"}""", json);
        TaskScores read = JsonSerializer.Deserialize<TaskScores>(json)!;
        Assert.Equal((20, double.NaN, 12.5, double.PositiveInfinity), (read.Images, read.Loss, read["top1"], read["top5"]));
        TaskScores earlier = JsonSerializer.Deserialize<TaskScores>("""{"images":3,"loss":0.5,"top1":10,"top5":20,"mean_ap":null,"mean_ap_sklearn":null}""")!;
        Assert.Equal((3, 0.5, 10, null), (earlier.Images, earlier.Loss, earlier["top1"], earlier["mean_ap"]));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<TaskScores>("""{"images":3,"top1":10}"""));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<TaskScores>("""{"images":3,"loss":"much"}"""));
    }

    [Fact]
    public void Masked_patches_are_scored_alike_each_time_and_a_lower_loss_is_better()
    {
        using MaskedAutoencoder model = new("tiny", new MaeConfig(new VitConfig(16, 16, 4, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2), 12, 1, 3));
        model.Initialize(new Rng(3));
        MaskedReconstruction task = new(model, 0.5);
        using DataLoader pictures = Loader(9, shuffle: false);
        List<int> steps = [];
        TaskScores scores = task.Score(new PixelSource(pictures), Collective.Single, (_, done) => steps.Add(done), TestContext.Current.CancellationToken);
        Assert.Equal(scores.Loss, task.Score(new PixelSource(pictures), Collective.Single, null, TestContext.Current.CancellationToken).Loss);
        Assert.Equal(9, scores.Images);
        Assert.Equal([1, 2, 3], steps);
        Assert.True(task.Better(scores with { Loss = scores.Loss - 0.1 }, scores));
        Assert.False(task.Better(scores, scores));
    }

    [Fact]
    public void Several_labels_are_chosen_by_their_average_precision_and_one_by_the_share_of_right_answers()
    {
        using Backbone model = TinyVit.Create();
        TaskScores high = Scores(10, 60), low = Scores(20, 50);
        Assert.True(LabelTask.Of(model, new TrainingLoss(new(), multiLabel: true)).Better(high, low));
        Assert.True(LabelTask.Of(model, new TrainingLoss(new())).Better(low, high));

        static TaskScores Scores(double top1, double map) => new(4, 1, new Dictionary<string, double> { ["top1"] = top1, ["mean_ap"] = map });
    }

    private List<EpochRecord> Train(bool resumed)
    {
        List<EpochRecord> records = [];
        string checkpoint = _folder["last.safetensors"];
        foreach (int until in resumed ? (int[])[2, Epochs] : [Epochs])
        {
            using PatchTask task = new(TinyVit.Create());
            task.Model.Unfreeze();
            using Trainer trainer = new(task, new TrainerOptions(Epochs, new AdamWOptions(Lr: 2e-3), new ConstantSchedule()));
            if (until == Epochs && resumed) trainer.LoadCheckpoint(checkpoint);
            using CancellationTokenSource stop = new();
            trainer.EpochDone = (told, _) => records.Add(EpochRecord.Of(told));
            trainer.CheckpointDue = () =>
            {
                trainer.SaveCheckpoint(checkpoint);
                if (trainer.EpochsDone == until && until < Epochs) stop.Cancel();
            };
            using DataLoader train = Loader(96, shuffle: true), validation = Loader(24, shuffle: false, seed: 2);
            try
            {
                trainer.Fit(train, validation, stop.Token);
            }
            catch (OperationCanceledException) when (until < Epochs)
            {
            }
        }

        return records;
    }

    private static DataLoader Loader(int count, bool shuffle, int seed = 1) => new(
        DatasetSource.Open($"synthetic-downstream:{count}:{seed}:16"),
        ImageTransform.ForTraining(new TransformOptions(16, TrainCrop.Stretch, Flip: false, EvalResize: 16)),
        new LoaderOptions(shuffle ? 12 : 4, Shuffle: shuffle));
}
