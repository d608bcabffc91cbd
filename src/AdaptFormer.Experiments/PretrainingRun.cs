using System.Diagnostics;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data;
using AdaptFormer.Distributed;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Pretraining;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
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
    /// <param name="cancellation">Stops after the step that is in progress; what was saved last stays and can be resumed.</param>
    /// <exception cref="NotFiniteNumberException">The loss became NaN or infinite.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or the output holds what may not be replaced.</exception>
    /// <exception cref="ArgumentException">The recipe contradicts itself or the run to be resumed.</exception>
    /// <exception cref="InvalidDataException">A file does not fit; the message says which and why.</exception>
    public static PretrainSummary Execute(
        PretrainRecipe recipe, string output, ExistingRun existing, Action<RunRecord> report, CancellationToken cancellation = default) =>
        Execute(recipe, output, existing, report, Collective.Single, cancellation);

    /// <summary>As the other, by several processes together.</summary>
    /// <param name="recipe">What to do.</param>
    /// <param name="output">The run directory; read and written by rank 0 alone.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <param name="report">Gets everything worth showing, at rank 0.</param>
    /// <param name="ranks">The processes, each of which makes this call.</param>
    /// <param name="cancellation">Stops all after the step that is in progress.</param>
    /// <exception cref="DisagreementException">The processes were not given the same work.</exception>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public static PretrainSummary Execute(
        PretrainRecipe recipe, string output, ExistingRun existing, Action<RunRecord> report, Collective ranks,
        CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        if (!ranks.IsFirst) report = _ => { };
        SharedStart.RequireSameRecipe(ranks, recipe.ToJson(), recipe.Cluster.Timeout);
        Precision asked = recipe.Precision;
        recipe = recipe with
        {
            Precision = SharedStart.Precision(
                ranks, asked, () => existing == ExistingRun.Resume ? RunDirectory.PretrainingPrecisionOf(output) : Precision.Auto),
        };
        using MaskedAutoencoder model = Create(recipe);
        Preprocessing pictures = RecipeBackbone.Pictures(new Recipe(recipe.Model, new LinearProbe(), recipe.Data), model.Encoder);
        SampleMaker samples = PretrainingData.Samples(recipe.Data, pictures, model.Encoder, out IDisposable? cache);
        using IDisposable? opened = cache;
        using DataLoader loader = new(samples, new LoaderOptions(
            Math.Min(recipe.Batch, samples.Count), Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed, MultiLabel: false)
        { Rank = ranks.Rank, WorldSize = ranks.Size });
        MaskedReconstruction task = new(model, recipe.Pretraining.MaskRatio);
        using Trainer trainer = new(task, new TrainerOptions(
            recipe.Epochs, recipe.Optimizer, recipe.Schedule, recipe.Accumulate, Seed: recipe.Seed, Exchange: recipe.Cluster.Exchange,
            SaveSteps: recipe.Save.Steps, SaveMinutes: recipe.Save.Minutes)
        { Recompute = recipe.Recompute }, ranks);
        using RunDirectory? run = ranks.IsFirst
            ? RunDirectory.Create(output, recipe, RunEnvironment.Capture(Backend.Current.Name), existing) : null;
        run?.TakeOverEarlierState(task);
        ResumePoint? place = SharedStart.Furthest(ranks, output, existing);
        if (place is not null) SharedStart.Load(ranks, trainer, place.Path);
        run?.RewindLog(trainer.EpochsDone);
        int saved = trainer.EpochsDone;
        if (saved > 0) SaveWeights();

        long encoder = model.Encoder.Parameters().Sum(entry => entry.Value.Length);
        long all = model.Parameters().Sum(entry => entry.Value.Length);
        if (PrecisionChoice.Note(asked, recipe.Precision) is { } note) report(new WarningRecord(note));
        report(new PretrainStartRecord(
            model.Encoder.Id, encoder, all - encoder, loader.Shard.AllSamples, model.Config.Patches, trainer.PeakLr(loader),
            model.Encoder.Compute.ToString().ToLowerInvariant(), Backend.Current.Name, recipe.Seed, saved)
        { Clips = model.Encoder.ReadsClips, Processes = SharedStart.Describe(ranks) });
        SharedStart.RequireSameWork(ranks, model, model.Encoder, trainer, [("training", loader)], kept: "");
        EpochRecord? last = run?.ReadLog() is [.., EpochRecord there] ? there : null;
        trainer.Progress = told => report(ProgressRecord.Of(told));
        if (run is not null) WriteFrom(run);
        try
        {
            trainer.Fit(new PixelSource(loader), validation: null, cancellation);
        }
        catch (OperationCanceledException stopped)
        {
            throw new TrainingStoppedException(run?.FindCheckpoint(out _) switch
            {
                null => "Stopped before anything was saved.",
                _ when saved == 0 => "Stopped within the first epoch; --resume goes on from there.",
                _ => $"Stopped; {run.WeightsPath} holds what epoch {saved} had learned, and --resume goes on from there.",
            }, stopped);
        }

        PretrainSummary summary = new(
            last?.TrainLoss ?? double.NaN, recipe.Epochs, run?.WeightsPath ?? "", run is null ? 0 : new FileInfo(run.WeightsPath).Length,
            clock.Elapsed.TotalSeconds, recipe.Seed)
        { Precision = PrecisionChoice.NameOf(model.Encoder.Compute) };
        run?.KeepCheckpoints(0);
        report(summary);
        return summary;

        void WriteFrom(RunDirectory run)
        {
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
            trainer.SaveDue = () =>
            {
                trainer.SaveCheckpoint(run.StepCheckpointPath(trainer.EpochsDone + 1, trainer.BatchesDone));
                run.KeepCheckpoints(recipe.Save.Keep);
            };
        }

        void SaveWeights()
        {
            if (run is not null) CheckpointConverter.Save(run.WeightsPath, MaeNames.Export(model), new WeightsCard(pictures));
        }
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
