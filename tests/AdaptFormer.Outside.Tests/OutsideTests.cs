using AdaptFormer.Data;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using AdaptFormer.Training.Tasks;
using Xunit;

namespace AdaptFormer.Outside.Tests;

public sealed class OutsideTests : IDisposable
{
    private const string RecipeText = """
        {
          "model": { "name": "mine", "weights": null, "normalize": "inception", "config": { "family": "bag", "depth": 1 } },
          "tuning": { "method": "shift", "start": 0.01 },
          "data": { "train": "stripes:64", "test": "stripes:20" },
          "epochs": 2, "batch": 16
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("outside").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_operation_with_calls_of_its_own_has_gradients_and_is_seen_by_whoever_looks_at_calls()
    {
        float[] values = [-2, -0.5f, 0, 1.5f];
        using Parameter x = Parameter.From(values, new Shape(4));
        x.Trainable = true;
        List<string> calls = [];
        using (Backend.Use(new Listener(Backend.Current, calls)))
        using (TensorScope scope = new())
        using (Tape tape = new(new Rng(1)))
        {
            Tensor ones = tape.Watch(Tensor.Full(new Shape(4), 1));
            Tensor y = ones.Multiply(x).Cube();
            Assert.Equal([-8, -0.125f, 0, 3.375f], y.ToArray());
            tape.Backward(y.Dot(Tensor.Full(new Shape(4), 1)));
        }

        Assert.Equal([12, 0.75f, 0, 6.75f], x.Grad!.ToArray());
        Assert.Contains("Cube", calls);
        Assert.Contains("CubeBackward", calls);
    }

    [Fact]
    public void A_loss_trains_a_classifier_on_a_kind_of_data()
    {
        using Backbone model = Model();
        Tuning.Default("full").Attach(model, classes: 2, new Rng(3));
        TaskScores? scores = Fit(new Classification(model, new BrierLoss()), epochs: 24);
        Assert.True(scores![LabelTask.Top1] > 75, $"{scores[LabelTask.Top1]} % of the stripes are told rightly");
    }

    [Fact]
    public void A_task_with_a_head_and_scores_of_its_own_trains()
    {
        using Backbone model = Model();
        using BrightnessTask task = new(model);
        task.Model.Unfreeze();
        using DataLoader test = Loader("stripes:20", train: false);
        double before = task.Score(new PixelSource(test), Collective.Single, null, TestContext.Current.CancellationToken)["squared_error"]!.Value;
        double after = Fit(task, epochs: 12)!["squared_error"]!.Value;
        Assert.True(after < 0.2 * before, $"{before} to {after}");
    }

    [Fact]
    public void A_method_trains_only_its_own_is_saved_and_loaded_and_merges()
    {
        using Backbone model = Model();
        Tuning shift = Tuning.Default("shift");
        Assert.Contains("shift", Tuning.Methods);
        shift.Attach(model, classes: 2, new Rng(3));
        string[] trained = [.. model.TrainableParameters().Select(entry => entry.Key)];
        Assert.Equal(["blocks.0.attn.qkv.shift.by", "blocks.1.attn.qkv.shift.by"], trained.Where(name => !name.StartsWith("head.", StringComparison.Ordinal)));
        Fit(new Classification(model, new TrainingLoss(new LossOptions())), epochs: 2);

        string path = Path.Combine(_folder, "shift.safetensors");
        AdapterFile.Save(path, model, shift, ["across", "down"], Preprocessing.ImageNet(16));
        using Backbone other = Model();
        Assert.Equal(shift, AdapterFile.Load(path, other).Tuning);
        float[] answer = Logits(model);
        Assert.Equal(answer, Logits(other));
        using (AdapterTask apart = AdapterTask.Load(path, other)) AssertNear(answer, Logits(other, apart.Slots));

        MergedWeights merged = shift.Merge(model);
        Assert.DoesNotContain(model.State(), entry => entry.Key.Contains("shift", StringComparison.Ordinal));
        AssertNear(answer, Logits(model));
        merged.Unmerge();
        Assert.Equal(answer, Logits(model));
    }

    [Fact]
    public void A_backbone_is_found_by_its_id_by_its_file_and_in_json()
    {
        using Backbone model = Model();
        Assert.Equal(model.Config, BackboneConfig.FromJson("""{"family": "bag"}"""));
        Assert.Equal(model.Config, BackboneConfig.FromJson(model.Config.ToJson()));
        string path = Path.Combine(_folder, "weights.safetensors");
        SafetensorsWriter writer = new();
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(model).Weights) writer.Add(name, weight);
        writer.Save(path);
        using Backbone read = BackboneLoader.Open(path, new BackboneOptions(NumHeads: 2));
        Assert.IsType<BagOfPatches>(read);
        Assert.Equal("bag_tiny", read.Id);
        Assert.Equal(Features(model), Features(read));
    }

    [Fact]
    public void A_recipe_names_all_of_it_and_its_run_is_opened_again()
    {
        Recipe recipe = Recipe.Parse(RecipeText);
        Assert.Equal(new ShiftTuning(0.01f), recipe.Tuning);
        Assert.Equal(recipe, Recipe.Parse(recipe.ToJson()));
        Assert.Contains("shift", Assert.Throws<RecipeException>(() => Recipe.Parse(RecipeText.Replace("\"shift\"", "\"shfit\""))).Message, StringComparison.Ordinal);
        Assert.Contains("bag", Assert.Throws<RecipeException>(() => Recipe.Parse(RecipeText.Replace("\"bag\"", "\"bog\""))).Message, StringComparison.Ordinal);

        string run = Path.Combine(_folder, "run");
        TrainingSummary summary = TrainingRun.Execute(recipe, run, ExistingRun.Refuse, record => { });
        Assert.Equal(20, summary.TestImages);
        using Predictor predictor = Predictor.OpenRun(run);
        string picture = Path.Combine(_folder, "picture.png");
        using ImageBuffer pixels = new();
        DatasetSource.Open("stripes:4").Load(0, pixels);
        PngWriter.Save(picture, pixels);
        Assert.Equal(["across", "down"], predictor.Predict(picture, topK: 2).Select(score => score.Label).Order());
    }

    [Fact]
    public void What_is_taken_is_told()
    {
        Assert.Throws<ArgumentException>(() => Tuning.Register<ShiftTuning>("lora", AdditionsJson.Default));
        Assert.Throws<ArgumentException>(() => Tuning.Register<ShiftTuning>("shift", AdditionsJson.Default));
        Assert.Throws<ArgumentException>(() => BackboneFamily.Register(new BagFamily(), AdditionsJson.Default));
        Assert.Throws<ArgumentException>(() => ModelZoo.Register(ModelZoo.Get("bag_tiny")));
        Assert.Throws<ArgumentException>(() => DatasetSource.Register("csv", Stripes.Open));
        Assert.Throws<ArgumentException>(() => DatasetSource.Register("stripes", Stripes.Open));
        Assert.Throws<ArgumentException>(() => DatasetSource.Open("stripes:many"));
    }

    private static Backbone Model()
    {
        Backbone model = ModelZoo.Get("bag_tiny").Create();
        model.Initialize(new Rng(11));
        return model;
    }

    private static TaskScores? Fit(TrainingTask task, int epochs)
    {
        using Trainer trainer = new(task, new TrainerOptions(epochs, new AdamWOptions(Lr: 4e-3), new ConstantSchedule()));
        using DataLoader train = Loader("stripes:96", train: true), validation = Loader("stripes:20", train: false);
        trainer.Fit(train, validation, TestContext.Current.CancellationToken);
        return trainer.BestScores;
    }

    private static DataLoader Loader(string data, bool train) => new(
        DatasetSource.Open(data, train),
        ImageTransform.ForTraining(new TransformOptions(16, TrainCrop.Stretch, Flip: false, EvalResize: 16)),
        new LoaderOptions(train ? 16 : 4, Shuffle: train));

    private static Tensor Pixels()
    {
        Rng rng = new(5);
        Shape shape = new(3, 3, 16, 16);
        return Tensor.From([.. Enumerable.Range(0, (int)shape.Length).Select(_ => (float)rng.NextDouble())], shape);
    }

    private static float[] Logits(Backbone model, TaskSlots? task = null)
    {
        using TensorScope scope = new();
        return (task is null ? model.Forward(Pixels()) : model.Forward(Pixels(), task)).ToArray();
    }

    private static void AssertNear(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4f);
    }

    private static float[] Features(Backbone model)
    {
        using TensorScope scope = new();
        return model.Features(Pixels(), Slots.Attached).ToArray();
    }

    /// <summary>A backend that writes down the names of the calls, and has another run them.</summary>
    private sealed class Listener(Backend inner, List<string> calls) : Backend
    {
        public override Device Device => inner.Device;

        public override string Name => $"{inner.Name}, listened to";

        public override bool FastBFloat16 => inner.FastBFloat16;

        public override Storage Allocate(long bytes) => inner.Allocate(bytes);

        public override Storage AllocateZeros(long bytes) => inner.AllocateZeros(bytes);

        public override void CopyFromHost(nint source, Tensor destination) => inner.CopyFromHost(source, destination);

        public override void CopyToHost(Tensor source, nint destination) => inner.CopyToHost(source, destination);

        public override DataType GeluKept(DataType result) => inner.GeluKept(result);

        public override void Invoke(Call call)
        {
            lock (calls) calls.Add(call.Name);
            inner.Invoke(call);
        }
    }
}
