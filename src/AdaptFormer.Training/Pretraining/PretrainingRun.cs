using System.Diagnostics;
using AdaptFormer.Data;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Mae;
using AdaptFormer.Models.VideoVit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Files;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Training.Pretraining;

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
        recipe = recipe with { Precision = asked.Following(existing == ExistingRun.Resume ? PretrainingDirectory.PrecisionOf(output) : Precision.Auto) };
        using MaskedAutoencoder model = Create(recipe);
        Preprocessing pictures = RecipeBackbone.Pictures(new Recipe(recipe.Model, new LinearProbe(), recipe.Data), model.Encoder);
        SampleMaker samples = PretrainingData.Samples(recipe.Data, pictures, model.Encoder, out IDisposable? cache);
        using IDisposable? opened = cache;
        using DataLoader loader = new(samples, new LoaderOptions(
            Math.Min(recipe.Batch, samples.Count), Shuffle: true, DropLast: true, recipe.Workers, Seed: recipe.Seed, MultiLabel: false));
        using Pretrainer trainer = new(model, recipe.Optimizer, recipe.Schedule, recipe.Pretraining.MaskRatio, recipe.Seed);
        using PretrainingDirectory run = PretrainingDirectory.Create(output, recipe, existing);
        int done = run.Restore(model, trainer, pictures);

        ScheduledRun course = new(recipe.Optimizer.PeakLr(loader.Options.BatchSize), recipe.Epochs, loader.BatchesPerEpoch);
        long encoder = model.Encoder.Parameters().Sum(entry => entry.Value.Length);
        long all = model.Parameters().Sum(entry => entry.Value.Length);
        if (PrecisionChoice.Note(asked, recipe.Precision) is { } note) report(new WarningRecord(note));
        report(new PretrainStartRecord(
            model.Encoder.Id, encoder, all - encoder, loader.SamplesPerEpoch, model.Config.Patches, course.PeakLr,
            model.Encoder.Compute.ToString().ToLowerInvariant(), Backend.Current.Name, recipe.Seed, done)
        { Clips = model.Encoder.ReadsClips });
        double loss = run.ReadLog() is [.., var last] ? last.TrainLoss : double.NaN;
        int saved = done;
        try
        {
            for (int epoch = done + 1; epoch <= recipe.Epochs; epoch++)
            {
                PretrainEpochRecord record = Epoch(trainer, loader, course, epoch, report, clock, done, cancellation);
                loss = record.TrainLoss;
                run.Log(record);
                if (epoch % recipe.SaveEvery == 0 || epoch == recipe.Epochs)
                {
                    run.Save(model, trainer, epoch, pictures);
                    saved = epoch;
                }

                report(record);
            }
        }
        catch (OperationCanceledException stopped)
        {
            throw new TrainingStoppedException(
                saved == 0 ? "Stopped before an epoch was saved."
                    : $"Stopped; {run.WeightsPath} holds what epoch {saved} had learned, and --resume goes on from there.", stopped);
        }

        PretrainSummary summary = new(
            loss, recipe.Epochs, run.WeightsPath, new FileInfo(run.WeightsPath).Length, clock.Elapsed.TotalSeconds, recipe.Seed)
        { Precision = PrecisionChoice.NameOf(model.Encoder.Compute) };
        report(summary);
        return summary;
    }

    private static PretrainEpochRecord Epoch(
        Pretrainer trainer, DataLoader loader, ScheduledRun course, int epoch, Action<RunRecord> report, Stopwatch clock, int resumed,
        CancellationToken cancellation)
    {
        TimeSpan start = clock.Elapsed, waited = loader.WaitTime;
        double sum = 0;
        int batches = 0;
        foreach (Batch batch in loader.Epoch(epoch))
        {
            cancellation.ThrowIfCancellationRequested();
            using Batch _ = batch;
            using BatchPixels pixels = new(batch);
            sum += trainer.Step(pixels.Tensor, course, epoch, batches++);
            double seconds = (clock.Elapsed - start).TotalSeconds, part = epoch - 1 - resumed + ((double)batches / loader.BatchesPerEpoch);
            double rate = batches * loader.Options.BatchSize / seconds;
            double wait = Math.Clamp((loader.WaitTime - waited).TotalSeconds / seconds, 0, 1);
            report(new ProgressRecord(
                "pretrain", epoch, course.Epochs, batches, loader.BatchesPerEpoch, sum / batches, rate, wait,
                clock.Elapsed.TotalSeconds * ((course.Epochs - resumed) / part - 1)));
        }

        double time = (clock.Elapsed - start).TotalSeconds;
        return new PretrainEpochRecord(
            epoch, sum / batches, trainer.Lr, loader.SamplesPerEpoch / time, (loader.WaitTime - waited).TotalSeconds / time, time);
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
