using System.Diagnostics;
using AdaptFormer.Data;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Schedules;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Experiments;

/// <summary>A recipe of pre-training carried out on pictures or clips.</summary>
public static class PretrainingRun
{
    private const long WeightsStream = 2;

    /// <summary>Carries out <paramref name="recipe"/> in <paramref name="output"/>.</summary>
    /// <param name="recipe">What to do.</param>
    /// <param name="output">The run directory.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <param name="report">Gets everything worth showing; called on this thread.</param>
    /// <param name="cancellation">Stops between two batches; what was saved last stays and can be resumed.</param>
    /// <exception cref="NotFiniteNumberException">The loss became NaN or infinite.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or the output holds what may not be replaced.</exception>
    /// <exception cref="ArgumentException">The recipe contradicts itself or the run to be resumed.</exception>
    /// <exception cref="InvalidDataException">A file does not fit; the message says which and why.</exception>
    public static PretrainSummary Execute(
        PretrainRecipe recipe, string output, ExistingRun existing, Action<RunRecord> report, CancellationToken cancellation = default)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Precision asked = recipe.Precision;
        Precision recorded = existing == ExistingRun.Resume ? RunDirectory.PretrainingPrecisionOf(output) : Precision.Auto;
        recipe = recipe with { Precision = asked.Following(recorded) };
        using MaskedAutoencoder model = Create(recipe);
        Preprocessing pictures = RecipeBackbone.Pictures(new Recipe(recipe.Model, new LinearProbe(), recipe.Data), model.Encoder);
        SampleMaker samples = PretrainingData.Samples(recipe.Data, pictures, model.Encoder, out IDisposable? cache);
        using IDisposable? opened = cache;
        using DataLoader loader = new(samples, new LoaderOptions(
            Math.Min(recipe.Batch, samples.Count), Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed, MultiLabel: false));
        MaskedReconstruction task = new(model, recipe.Pretraining.MaskRatio);
        using Trainer trainer = new(task, new TrainerOptions(recipe.Epochs, recipe.Optimizer, recipe.Schedule, Seed: recipe.Seed));
        using RunDirectory run = RunDirectory.Create(output, recipe, RunEnvironment.Capture(Backend.Current.Name), existing);
        run.TakeOverEarlierState(task);
        if (File.Exists(run.CheckpointPath)) trainer.LoadCheckpoint(run.CheckpointPath);
        run.RewindLog(trainer.EpochsDone);
        int saved = trainer.EpochsDone;
        if (saved > 0) SaveWeights();

        long encoder = model.Encoder.Parameters().Sum(entry => entry.Value.Length);
        long all = model.Parameters().Sum(entry => entry.Value.Length);
        if (PrecisionChoice.Note(asked, recipe.Precision) is { } note) report(new WarningRecord(note));
        report(new PretrainStartRecord(
            model.Encoder.Id, encoder, all - encoder, loader.SamplesPerEpoch, model.Config.Patches, trainer.PeakLr(loader),
            model.Encoder.Compute.ToString().ToLowerInvariant(), Backend.Current.Name, recipe.Seed, saved)
        { Clips = model.Encoder.ReadsClips });
        EpochRecord? last = run.ReadLog() is [.., EpochRecord there] ? there : null;
        trainer.Progress = told => report(ProgressRecord.Of(told));
        trainer.EpochDone = (told, _) => run.Log(last = EpochRecord.Of(told));
        trainer.CheckpointDue = () =>
        {
            if (trainer.EpochsDone % recipe.SaveEvery == 0 || trainer.EpochsDone == recipe.Epochs)
            {
                trainer.SaveCheckpoint(run.CheckpointPath);
                SaveWeights();
                saved = trainer.EpochsDone;
            }

            report(last!);
        };
        try
        {
            trainer.Fit(loader, validation: null, cancellation);
        }
        catch (OperationCanceledException stopped)
        {
            throw new TrainingStoppedException(
                saved == 0 ? "Stopped before an epoch was saved."
                    : $"Stopped; {run.WeightsPath} holds what epoch {saved} had learned, and --resume goes on from there.", stopped);
        }

        PretrainSummary summary = new(
            last?.TrainLoss ?? double.NaN, recipe.Epochs, run.WeightsPath, new FileInfo(run.WeightsPath).Length,
            clock.Elapsed.TotalSeconds, recipe.Seed)
        { Precision = PrecisionChoice.NameOf(model.Encoder.Compute) };
        report(summary);
        return summary;

        void SaveWeights() => CheckpointConverter.Save(run.WeightsPath, MaeNames.Export(model), new WeightsCard(pictures));
    }

    private static MaskedAutoencoder Create(PretrainRecipe recipe)
    {
        BackboneConfig encoder = RecipeBackbone.Sizes(recipe.Model);
        PretrainingOptions options = recipe.Pretraining;
        MaeConfig config = new(encoder, options.DecoderEmbedDim, options.DecoderDepth, options.DecoderNumHeads, options.NormPixLoss);
        MaskedAutoencoder model = new(recipe.Model.Name, config, recipe.Precision.Compute());
        if (recipe.Model.Weights is not { } weights)
        {
            model.Initialize(new Rng(recipe.Seed).Derive(WeightsStream));
            return model;
        }

        using WeightsFile file = WeightsFile.Open(weights);
        StateDict copied = new();
        foreach ((string name, StateDict.Weight weight) in StateDict.Of(file).Weights)
            copied.Add(name, new StateDict.Weight(weight.Shape, weight.Read));      // copied, because the file closes
        MaeNames.Load(model, copied, weights);
        return model;
    }
}
