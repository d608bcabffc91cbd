using System.Diagnostics;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Reports;
using AdaptFormer.Reports.TensorBoard;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Caching;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Metrics;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Experiments;

/// <summary>
/// A recipe carried out: data and backbone are opened, the method is attached, the epochs run, the best one is kept, and the test
/// data are scored once. Everything that comes of it lies in a run directory.
/// </summary>
public static class TrainingRun
{
    /// <summary>Carries out <paramref name="recipe"/> in <paramref name="output"/>.</summary>
    /// <param name="recipe">What to do.</param>
    /// <param name="output">The run directory.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <param name="report">Gets everything worth showing; called on this thread.</param>
    /// <param name="cancellation">Stops between two batches; the adapter of the last good epoch stays.</param>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite; the adapter of the last good epoch stays.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped; likewise.</exception>
    /// <exception cref="IOException">The output cannot be written, or holds what may not be replaced.</exception>
    /// <exception cref="ArgumentException">The recipe asks for what its model or data do not have.</exception>
    /// <exception cref="InvalidDataException">A file does not fit; the message says which and why.</exception>
    public static TrainingSummary Execute(
        Recipe recipe, string output, ExistingRun existing, Action<RunRecord> report, CancellationToken cancellation = default)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Precision asked = recipe.Precision;
        Precision recorded = existing == ExistingRun.Resume ? RunDirectory.PrecisionOf(output) : Precision.Auto;
        recipe = recipe with { Precision = asked.Following(recorded) };
        using Backbone model = RecipeBackbone.Load(recipe);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, model), model.InputShape);
        recipe.Tuning.Attach(model, data.ClassNames.Count, new Rng(recipe.Seed).Derive(0));
        IReadOnlyList<string> notes = recipe.From is { } from && !(existing == ExistingRun.Resume && RunDirectory.HasCheckpoint(output))
            ? WarmStart.Apply(from, model, recipe.Tuning, data.ClassNames)
            : [];
        using RunDirectory run = RunDirectory.Create(output, recipe, RunEnvironment.Capture(Backend.Current.Name), existing);
        LabelTask task = LabelTask.Of(model, new TrainingLoss(recipe.Loss, data.MultiLabel, data.Train.Dataset.CountPerClass()));
        using Trainer trainer = new(task, new TrainerOptions(
            recipe.Epochs, recipe.Optimizer, recipe.Schedule, recipe.Accumulate, recipe.EvaluateEvery, recipe.Seed,
            recipe.ClipNorm, recipe.EmaDecay, recipe.LayerDecay, recipe.AccumulateRest, recipe.EarlyStopping));
        notes = [.. notes, .. Resume(run, trainer, recipe)];

        long trainable = model.TrainableParameters().Sum(p => p.Value.Length), total = model.Parameters().Sum(p => p.Value.Length);
        if (PrecisionChoice.Note(asked, recipe.Precision) is { } note) report(new WarningRecord(note));
        IEnumerable<string> warnings = recipe.Warnings().Concat(RecipeBackbone.Warnings(recipe, model)).Concat(data.Notes);
        foreach (string warning in (string[])[.. warnings, .. notes.Select(text => $"{text}.")])
            report(new WarningRecord(warning));
        report(new StartRecord(
            model.Id, recipe.Tuning.Method, trainable, total, data.Train.SamplesPerEpoch, data.Validation?.Dataset.Count ?? 0,
            data.Test?.Dataset.Count ?? 0, data.ClassNames.Count, trainer.PeakLr(data.Train), model.Compute.ToString().ToLowerInvariant(),
            Backend.Current.Name, recipe.Seed)
        { Clips = model.ReadsClips });

        using RunSources sources = new(recipe.Cache, recipe.Mix, model, data, report, cancellation);
        List<EpochRecord> epochs = [.. run.ReadLog()];
        using TensorBoardLog? board = recipe.Tensorboard ? new(run.TensorBoardPath, recipe, epochs) : null;
        if (recipe.Checkpoints) trainer.CheckpointDue = () => trainer.SaveCheckpoint(run.CheckpointPath);
        trainer.Progress = told => report(ProgressRecord.Of(told));
        trainer.EpochDone = (told, best) =>
        {
            EpochRecord record = EpochRecord.Of(told);
            if (best) RecipeAdapter.Save(model, recipe, data, record, run.AdapterPath);
            run.Log(record);
            epochs.Add(record);
            board?.Add(record);
            report(record);
        };

        Evaluator? answers;
        try
        {
            trainer.Fit(sources.Train, sources.Validation, cancellation);
            answers = sources.Test is null ? null : Score(model, sources.Test, recipe.Epochs, report, cancellation);
        }
        catch (OperationCanceledException stopped)
        {
            string learned = trainer.BestEpoch > 0
                ? $"{run.AdapterPath} holds what epoch {trainer.BestEpoch} had learned."
                : "nothing was learned yet.";
            string next = File.Exists(run.CheckpointPath) ? " Go on with train --resume." : "";
            throw new TrainingStoppedException($"Stopped after {epochs.Count} of {recipe.Epochs} epochs; {learned}{next}", stopped);
        }

        foreach ((_, string reason) in data.Unreadable) report(new WarningRecord($"{reason} (counted as wrong)"));
        Scores? test = answers?.Result;
        MacroMetrics? macro = answers is null ? null : MacroMetrics.Of(answers.Metrics());
        TrainingSummary summary = new(
            test?.Top1, test?.Top5, test?.Loss, test?.Images ?? 0, trainer.BestEpoch, trainer.BestScores?[LabelTask.Top1], trainable, total,
            clock.Elapsed.TotalSeconds, Median(epochs.Select(e => e.Seconds)), Median(epochs.Select(e => e.ImagesPerS)), PeakBytes(),
            new FileInfo(run.AdapterPath).Length, run.AdapterPath, recipe.Seed)
        {
            TestMap = test?.MeanAp,
            TestMapSklearn = test?.MeanApSklearn,
            ValidationMap = trainer.BestScores?[LabelTask.MeanAp],
            Precision = PrecisionChoice.NameOf(model.Compute),
            TestPrecision = macro?.Precision,
            TestRecall = macro?.Recall,
            TestF1 = macro?.F1,
            TestAuc = macro?.Auc,
            Report = run.ReportPath,
            StoppedAfter = trainer.EpochsDone < recipe.Epochs ? trainer.EpochsDone : null,
        };
        FeatureSet? features = data.Test is null ? null : FeatureSet.Of(model, data.Test.Samples, RunReport.MapItems, recipe.Seed);
        ReportData page = RunReport.Write(run, recipe, model, features, data, data.ClassNames, epochs, summary, answers);
        board?.End(summary, page, features);
        run.Finish(summary);        // last: a run with an outcome lacks nothing
        report(summary);
        return summary;
    }

    /// <summary>Carries out a recipe once for each of <paramref name="seeds"/> seeds, from the recipe's own on, in <c>seed-N</c> below
    /// <paramref name="output"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no seed.</exception>
    public static SeedsSummary ExecuteSeeds(
        Recipe recipe, int seeds, string output, ExistingRun existing, Action<RunRecord> report, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 1);
        // A seed that is still to come computes as the ones before it, also when they were trained on another machine.
        string first = Path.Combine(output, $"seed-{recipe.Seed}");
        Precision recorded = existing == ExistingRun.Resume ? RunDirectory.PrecisionOf(first) : Precision.Auto;
        recipe = recipe with { Precision = recipe.Precision.Following(recorded) };
        List<TrainingSummary> runs = [];
        for (long seed = recipe.Seed; seed < recipe.Seed + seeds; seed++)
            runs.Add(Execute(recipe with { Seed = seed }, Path.Combine(output, $"seed-{seed}"), existing, report, cancellation));
        SeedsSummary summary = SeedsSummary.Of(runs);
        report(summary);
        return summary;
    }

    private static Evaluator Score(Backbone model, BatchSource test, int epochs, Action<RunRecord> report, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        return Evaluator.Score(model, test, (scores, done) =>
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            report(new ProgressRecord("test", epochs, epochs, done, test.BatchesPerEpoch, scores.Loss, scores.Images / seconds, 0,
                seconds * (test.BatchesPerEpoch - done) / done));
        }, cancellation);
    }

    /// <summary>
    /// Takes the run up where its last whole epoch ended; epochs after that one are done again, with the same result. A run that now has
    /// another
    /// number of epochs goes on as one of that length would: its schedule is laid out anew over all of it.
    /// </summary>
    /// <returns>What is worth saying.</returns>
    private static IReadOnlyList<string> Resume(RunDirectory run, Trainer trainer, Recipe recipe)
    {
        if (File.Exists(run.CheckpointPath)) trainer.LoadCheckpoint(run.CheckpointPath);
        run.RewindLog(trainer.EpochsDone);
        if (trainer.EpochsDone == 0 || trainer.EpochsDone == recipe.Epochs || trainer.StopsEarly) return [];
        run.Reopen();
        if (run.PlannedEpochs is not { } planned || planned == recipe.Epochs) return [];
        return
        [
            $"the run was to have {planned} epochs and now has {recipe.Epochs}: after epoch {trainer.EpochsDone} the learning rate goes "
            + "on where "
            + $"the schedule of a run of {recipe.Epochs} epochs is then",
        ];
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }

    private static long PeakBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
