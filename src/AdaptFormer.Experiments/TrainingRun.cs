using System.Diagnostics;
using AdaptFormer.Distributed;
using AdaptFormer.Files;
using System.Text;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Caching;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
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
    /// <param name="cancellation">Stops after the step that is in progress; the adapter of the last good epoch stays.</param>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite; the adapter of the last good epoch stays.</exception>
    /// <exception cref="TrainingStoppedException">It was stopped; likewise.</exception>
    /// <exception cref="IOException">The output cannot be written, or holds what may not be replaced.</exception>
    /// <exception cref="ArgumentException">The recipe asks for what its model or data do not have.</exception>
    /// <exception cref="InvalidDataException">A file does not fit; the message says which and why.</exception>
    public static TrainingSummary Execute(
        Recipe recipe, string output, ExistingRun existing, Action<RunRecord> report, CancellationToken cancellation = default) =>
        Execute(recipe, output, existing, report, Collective.Single, cancellation);

    /// <summary>As <see cref="Execute(Recipe, string, ExistingRun, Action{RunRecord}, CancellationToken)"/>, by several processes
    /// together.</summary>
    /// <param name="recipe">What to do.</param>
    /// <param name="output">The run directory; read and written by rank 0 alone.</param>
    /// <param name="existing">What to do with a run that is there already.</param>
    /// <param name="report">Gets everything worth showing, at rank 0.</param>
    /// <param name="ranks">The processes, each of which makes this call.</param>
    /// <param name="cancellation">Stops all after the step that is in progress.</param>
    /// <exception cref="DisagreementException">The processes were not given the same work.</exception>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public static TrainingSummary Execute(
        Recipe recipe, string output, ExistingRun existing, Action<RunRecord> report, Collective ranks, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        if (!ranks.IsFirst) report = _ => { };
        SharedStart.RequireSameRecipe(ranks, recipe.ToJson(), recipe.Cluster.Timeout);
        Precision asked = recipe.Precision;
        recipe = recipe with
        {
            Precision = SharedStart.Precision(
                ranks, asked, () => existing == ExistingRun.Resume ? RunDirectory.PrecisionOf(output) : Precision.Auto),
        };
        ResumePoint? place = SharedStart.Furthest(ranks, output, existing);
        using Backbone model = RecipeBackbone.Load(recipe);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, model), model.InputShape, ranks);
        recipe.Tuning.Attach(model, data.ClassNames.Count, new Rng(recipe.Seed).Derive(0));
        IReadOnlyList<string> notes = recipe.From is { } from && place is null
            ? WarmStart.Apply(from, model, recipe.Tuning, data.ClassNames)
            : [];
        using RunDirectory? run = ranks.IsFirst
            ? RunDirectory.Create(output, recipe, RunEnvironment.Capture(Backend.Current.Name), existing) : null;
        LabelTask task = LabelTask.Of(model, new TrainingLoss(recipe.Loss, data.MultiLabel, data.Train.Dataset.CountPerClass()));
        using Trainer trainer = new(task, new TrainerOptions(
            recipe.Epochs, recipe.Optimizer, recipe.Schedule, recipe.Accumulate, recipe.EvaluateEvery, recipe.Seed,
            recipe.ClipNorm, recipe.EmaDecay, recipe.LayerDecay, recipe.AccumulateRest, recipe.EarlyStopping, recipe.Cluster.Exchange,
            recipe.Save.Steps, recipe.Save.Minutes)
        { Recompute = recipe.Recompute }, ranks);
        if (place is not null) SharedStart.Load(ranks, trainer, place.Path);
        if (run is not null) notes = [.. notes, .. TakeUp(run, trainer, recipe)];

        long trainable = model.TrainableParameters().Sum(p => p.Value.Length), total = model.Parameters().Sum(p => p.Value.Length);
        if (PrecisionChoice.Note(asked, recipe.Precision) is { } note) report(new WarningRecord(note));
        IEnumerable<string> warnings = recipe.Warnings().Concat(RecipeBackbone.Warnings(recipe, model)).Concat(data.Notes);
        foreach (string warning in (string[])[.. warnings, .. notes.Select(text => $"{text}.")])
            report(new WarningRecord(warning));
        report(new StartRecord(
            model.Id, recipe.Tuning.Method, trainable, total, data.Train.Shard.AllSamples, data.Validation?.Dataset.Count ?? 0,
            data.Test?.Dataset.Count ?? 0, data.ClassNames.Count, trainer.PeakLr(data.Train), model.Compute.ToString().ToLowerInvariant(),
            Backend.Current.Name, recipe.Seed)
        { Clips = model.ReadsClips, Processes = SharedStart.Describe(ranks) });

        using RunSources sources = new(recipe.Cache, recipe.Mix, model, data, report, cancellation);
        SharedStart.RequireSameWork(
            ranks, model, model, trainer, [("training", data.Train), ("validation", data.Validation), ("test", data.Test)], sources.Kinds);
        sources.Prepare(ranks);
        using RunWriter? writer = run is null ? null : new RunWriter(run, recipe, model, data, trainer, report);
        trainer.Progress = told => report(ProgressRecord.Of(told));

        Evaluator? answers;
        try
        {
            trainer.Fit(sources.Train, sources.Validation, cancellation);
            ranks.Place = "the test data";
            answers = sources.Test is null ? null : Score(model, sources.Test, recipe.Epochs, report, ranks, cancellation);
        }
        catch (OperationCanceledException stopped)
        {
            throw writer?.Stopped(stopped) ?? new TrainingStoppedException("Stopped.", stopped);
        }

        foreach (string reason in Unreadable(data, ranks)) report(new WarningRecord($"{reason} (counted as wrong)"));
        Scores? test = answers?.Result;
        MacroMetrics? macro = answers is null ? null : MacroMetrics.Of(answers.Metrics());
        IReadOnlyList<EpochRecord> epochs = writer?.Epochs ?? [];
        TrainingSummary summary = new(
            test?.Top1, test?.Top5, test?.Loss, test?.Images ?? 0, trainer.BestEpoch, trainer.BestScores?[LabelTask.Top1], trainable, total,
            clock.Elapsed.TotalSeconds, Median(epochs.Select(e => e.Seconds)), Median(epochs.Select(e => e.ImagesPerS)), PeakBytes(),
            run is null ? 0 : new FileInfo(run.AdapterPath).Length, run?.AdapterPath, recipe.Seed)
        {
            TestMap = test?.MeanAp,
            TestMapSklearn = test?.MeanApSklearn,
            ValidationMap = trainer.BestScores?[LabelTask.MeanAp],
            Precision = PrecisionChoice.NameOf(model.Compute),
            TestPrecision = macro?.Precision,
            TestRecall = macro?.Recall,
            TestF1 = macro?.F1,
            TestAuc = macro?.Auc,
            Report = run?.ReportPath,
            StoppedAfter = trainer.EpochsDone < recipe.Epochs ? trainer.EpochsDone : null,
        };
        writer?.Finish(model, data, summary, answers);
        report(summary);
        return summary;
    }

    /// <summary>Carries out a recipe once for each of <paramref name="seeds"/> seeds, from the recipe's own on, in <c>seed-N</c> below
    /// <paramref name="output"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no seed.</exception>
    public static SeedsSummary ExecuteSeeds(
        Recipe recipe, int seeds, string output, ExistingRun existing, Action<RunRecord> report,
        CancellationToken cancellation = default) =>
        ExecuteSeeds(recipe, seeds, output, existing, report, Collective.Single, cancellation);

    /// <summary>As the other, by several processes together.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no seed.</exception>
    public static SeedsSummary ExecuteSeeds(
        Recipe recipe, int seeds, string output, ExistingRun existing, Action<RunRecord> report, Collective ranks,
        CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 1);
        SharedStart.RequireSameRecipe(ranks, recipe.ToJson(), recipe.Cluster.Timeout);
        // A seed that is still to come computes as the ones before it, also when they were trained on another machine.
        string first = Path.Combine(output, $"seed-{recipe.Seed}");
        recipe = recipe with
        {
            Precision = SharedStart.Precision(
                ranks, recipe.Precision, () => existing == ExistingRun.Resume ? RunDirectory.PrecisionOf(first) : Precision.Auto),
        };
        List<TrainingSummary> runs = [];
        for (long seed = recipe.Seed; seed < recipe.Seed + seeds; seed++)
            runs.Add(Execute(recipe with { Seed = seed }, Path.Combine(output, $"seed-{seed}"), existing, report, ranks, cancellation));
        SeedsSummary summary = SeedsSummary.Of(runs);
        if (ranks.IsFirst) report(summary);
        return summary;
    }

    private static Evaluator Score(
        Backbone model, BatchSource test, int epochs, Action<RunRecord> report, Collective ranks, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        return Evaluator.Score(model, test, ranks, (scores, done) =>
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            report(new ProgressRecord("test", epochs, epochs, done, test.BatchesPerEpoch, scores.Loss, scores.Images / seconds, 0,
                seconds * (test.BatchesPerEpoch - done) / done));
        }, cancellation);
    }

    // What could not be read, as all processes found it, in the order of the data.
    private static IEnumerable<string> Unreadable(RecipeData data, Collective ranks) => ranks
        .Gather(Encoding.UTF8.GetBytes(string.Concat(data.Unreadable.Select(one => $"{one.Index:0000000000}{one.Reason}\0"))))
        .SelectMany(text => Encoding.UTF8.GetString(text).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        .Distinct().Order(StringComparer.Ordinal).Select(text => text[10..]);

    /// <summary>
    /// Takes a run's folder up where the trainer stands: epochs after that are done again, with the same result. A run that now has another
    /// number of epochs goes on as one of that length would: its schedule is laid out anew over all of it.
    /// </summary>
    /// <returns>What is worth saying.</returns>
    private static IReadOnlyList<string> TakeUp(RunDirectory run, Trainer trainer, Recipe recipe)
    {
        run.FindCheckpoint(out IReadOnlyList<string> damaged);
        run.RewindLog(trainer.EpochsDone);
        if (trainer.EpochsDone == recipe.Epochs || trainer.StopsEarly) return damaged;
        if (trainer.EpochsDone == 0 && trainer.BatchesDone == 0) return damaged;
        run.Reopen();
        if (run.PlannedEpochs is not { } planned || planned == recipe.Epochs) return damaged;
        return
        [
            .. damaged,
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
