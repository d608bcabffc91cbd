using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests;

public sealed class ReadmeTests(TinyTask task) : IClassFixture<TinyTask>
{
    [Fact]
    public void Ten_lines_load_a_backbone_attach_an_adapter_train_save_and_predict()
    {
        using Backbone model = BackboneLoader.Open(task.Backbone, new BackboneOptions(Config: TinyVitConfig));
        LabelledDataset pictures = DatasetSource.Open(task["train"]);
        AdaptFormerTuning tuning = new(Bottleneck: 64, Scale: 0.1f);
        tuning.Attach(model, pictures.ClassNames.Count, new Rng(0));
        using DataLoader batches = new(pictures, ImageTransform.ForTraining(model.ExpectedPictures.ToTransform()), new LoaderOptions(BatchSize: 8, DropLast: true));
        using Trainer trainer = new(model, new TrainerOptions(Epochs: 3, new SgdOptions(BaseLr: 0.5), new CosineSchedule()));
        trainer.Fit(batches, validation: null);
        AdapterFile.Save(task["pictures.safetensors"], model, tuning, pictures.ClassNames);
        using Predictor predictor = new(model, pictures.ClassNames);
        IReadOnlyList<ClassScore> best = predictor.Predict(task["test/bright/0.png"]);

        Assert.Contains(best[0].Label, TinyTask.Labels);
        using Predictor saved = Predictor.OpenAdapter(task["pictures.safetensors"], task.Backbone);
        Assert.Equal(best[0].Label, saved.Predict(task["test/bright/0.png"])[0].Label);
    }

    [Fact]
    public void The_lines_of_the_README_are_those_that_are_compiled_here()
    {
        string readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "README.md"));
        string source = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "ReadmeTests.cs"));
        const string Start = "```csharp\n";
        int start = readme.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        string[] lines = readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(10, lines.Length);
        Assert.Contains(string.Concat(lines.Select(line => $"        {line}\n")), source, StringComparison.Ordinal);
    }

    // Compiled, not run: it names files that only a reader has. The first test does the same with small ones.
    internal static IReadOnlyList<ClassScore> LinesOfTheReadme()
    {
        using Backbone model = BackboneLoader.Open("deit_tiny_patch16_224.safetensors");
        LabelledDataset pictures = DatasetSource.Open("flowers/train");
        AdaptFormerTuning tuning = new(Bottleneck: 64, Scale: 0.1f);
        tuning.Attach(model, pictures.ClassNames.Count, new Rng(0));
        using DataLoader batches = new(pictures, ImageTransform.ForTraining(model.ExpectedPictures.ToTransform()), new LoaderOptions(BatchSize: 32, DropLast: true));
        using Trainer trainer = new(model, new TrainerOptions(Epochs: 20, new SgdOptions(BaseLr: 0.2), new CosineSchedule()));
        trainer.Fit(batches, validation: null);
        AdapterFile.Save("flowers.safetensors", model, tuning, pictures.ClassNames);
        using Predictor predictor = new(model, pictures.ClassNames);
        IReadOnlyList<ClassScore> best = predictor.Predict("flowers/test/rose/0.jpg");
        return best;
    }

    private static VitConfig TinyVitConfig => new(16, 16, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2);
}
