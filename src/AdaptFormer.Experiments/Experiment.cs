using AdaptFormer.Models;
using AdaptFormer.Reports;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Experiments;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Runs.Statistics;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Schedules;

namespace AdaptFormer.Experiments;

/// <summary>
/// A plan carried out: all trials are trained, each row's candidate and the best row are chosen on the validation data, and only then are
/// the test data opened, once, for the rows that the plan says. Stopped at any moment and begun again, it ends with the same table.
/// </summary>
public sealed class Experiment
{
    private readonly ExperimentPlan _plan;
    private readonly TrialStore _store;
    private readonly TrialScheduler _scheduler;
    private readonly Action<ExperimentRecord> _report;

    /// <summary>Prepares a plan.</summary>
    /// <param name="plan">What to do.</param>
    /// <param name="store">Where everything goes; stays the caller's.</param>
    /// <param name="scheduler">What trains.</param>
    /// <param name="report">Gets what happens; never called twice at once.</param>
    /// <exception cref="ArgumentException">The plan asks for what cannot be compared.</exception>
    public Experiment(ExperimentPlan plan, TrialStore store, TrialScheduler scheduler, Action<ExperimentRecord> report)
    {
        plan.Check();
        (_plan, _store, _scheduler, _report) = (plan, store, scheduler, report);
    }

    /// <summary>Carries the plan out and writes its result.</summary>
    /// <exception cref="OperationCanceledException">It was stopped; finished trials stay.</exception>
    /// <exception cref="TrialFailedException">A trial could not be carried out; finished ones stay.</exception>
    public ExperimentResult Run(CancellationToken cancellation = default)
    {
        string[] warnings = [.. _plan.Warnings()];
        foreach (string warning in warnings) _report(new StageRecord(warning, Warning: true));
        return Finish(Train(_plan.Rows, cancellation), warnings, null, cancellation);
    }

    /// <summary>Chooses among the plan's rows by successive halving within a share of the grid's cost, and writes the result: its rows
    /// are those of the last round.</summary>
    /// <param name="halving">The rounds, for as many combinations as the plan has rows.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    public ExperimentResult Halve(HalvingPlan halving, CancellationToken cancellation = default)
    {
        IReadOnlyList<PlannedRow> rows = Sample(_plan.Rows, halving.Rungs[0].Combinations);
        List<RungResult> rungs = [];
        List<Row> trained = [];
        foreach ((int count, int epochs) in halving.Rungs)
        {
            rows = trained.Count == 0 ? rows : [.. MostPromising(trained).Take(count)
                .Select(row => _plan.Rows.First(planned => planned.Name == row.Planned.Name))];
            _report(new StageRecord($"round {rungs.Count + 1} of {halving.Rungs.Count}: {rows.Count} combinations, {epochs} "
                + $"epoch{(epochs == 1 ? "" : "s")} each"));
            trained = Train([.. rows.Select(row =>
                row with { Candidates = [.. row.Candidates.Select(c => c with { Recipe = Shorten(c.Recipe, epochs) })] })], cancellation);
            bool last = rungs.Count == halving.Rungs.Count - 1;
            rungs.Add(new RungResult(epochs, [.. (last ? Order(trained) : MostPromising(trained)).Select(row => row.Result)]));
        }

        RowResult[] all = [.. rungs.SelectMany(rung => rung.Rows)];
        HalvingResult outcome = new(
            rungs, all.Sum(row => (long)row.Epochs * row.Trials.Count), halving.GridCost * _plan.Seeds.Count,
            all.Sum(row => row.Trials.Sum(trial => trial.Summary?.Seconds ?? 0)), rungs[^1].Rows[0].Values);
        return Finish(trained, [], outcome, cancellation);
    }

    /// <summary>The recipe with another length and, in proportion, the warm-up.</summary>
    internal static Recipe Shorten(Recipe recipe, int epochs)
    {
        double share = (double)epochs / recipe.Epochs;
        return recipe with
        {
            Epochs = epochs,
            Schedule = recipe.Schedule switch
            {
                CosineSchedule cosine => cosine with { WarmupEpochs = cosine.WarmupEpochs * share },
                ConstantSchedule constant => constant with { WarmupEpochs = constant.WarmupEpochs * share },
                StepSchedule step => step with
                {
                    WarmupEpochs = step.WarmupEpochs * share,
                    EveryEpochs = Math.Max(1, (int)Math.Round(step.EveryEpochs * share))
                },
                Schedule other => other,
            },
        };
    }

    /// <summary>Best first: accuracy, then loss, then fewer parameters, then the plan's order.</summary>
    private static IOrderedEnumerable<Row> Order(IEnumerable<Row> rows) => rows
        .OrderByDescending(row => row.Result.Validation?.Mean ?? double.NegativeInfinity)
        .ThenBy(LossOf)
        .ThenBy(row => row.Result.TrainableParameters);

    /// <summary>
    /// Best first, after a short training: by loss. After an epoch or two hardly an answer has changed, so accuracies are ties and
    /// chance, while the loss already shows which
    /// combination moves.
    /// </summary>
    private static IOrderedEnumerable<Row> MostPromising(IEnumerable<Row> rows) =>
        rows.OrderBy(LossOf).ThenBy(row => row.Result.TrainableParameters);

    private static double LossOf(Row row) => row.Result.Trials.Average(trial => trial.ValidationLoss) ?? double.PositiveInfinity;

    // A part of a grid that is too large: evenly from its whole length.
    private static PlannedRow[] Sample(IReadOnlyList<PlannedRow> rows, int count) =>
        count >= rows.Count ? [.. rows] : [.. Enumerable.Range(0, count).Select(i => rows[(int)((long)i * rows.Count / count)])];

    private List<Row> Train(IReadOnlyList<PlannedRow> rows, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, TrialResult> results = _scheduler.Run(
            [.. rows.SelectMany(row => row.Candidates.SelectMany(candidate =>
                _plan.Seeds.Select(seed => new QueuedTrial(Name(row, candidate), _plan.TrialOf(candidate.Recipe, seed)))))], cancellation);
        return [.. rows.Select(row => Choose(row, results))];
    }

    private static string Name(PlannedRow row, Candidate candidate) =>
        row.Candidates.Count == 1 ? row.Name : $"{row.Name}, {Setting.Describe([.. candidate.Settings])}";

    private Row Choose(PlannedRow planned, IReadOnlyDictionary<string, TrialResult> results)
    {
        Row[] candidates = [.. planned.Candidates.Select(candidate => Summarize(planned, candidate,
            [.. _plan.Seeds.Select(seed => results[_plan.TrialOf(candidate.Recipe, seed).Name])]))];
        if (candidates.Length == 1) return candidates[0];
        Row best = Order(candidates).First();
        return best with
        {
            Result = best.Result with
            {
                Candidates = [
                .. candidates.Select(row => new CandidateResult(row.Result.Values, row.Result.Validation, row.Result.Failure))]
            },
        };
    }

    private static Row Summarize(PlannedRow planned, Candidate candidate, TrialResult[] trials)
    {
        TrainingSummary[] ended = [.. trials.Select(trial => trial.Summary).OfType<TrainingSummary>()];
        return new Row(planned, candidate, new RowResult(
            planned.Name, candidate.Settings.ToDictionary(setting => setting.Key, setting => setting.Value), candidate.Recipe.Tuning.Method,
            candidate.Recipe.Tuning.Formula, candidate.Recipe.Epochs,
            Spread.Of(trials.Select(trial => trial.Summary?.ValidationMap ?? trial.Summary?.ValidationTop1)), Test: null, ToBest: null,
            ended.FirstOrDefault()?.TrainableParameters ?? 0, ended.FirstOrDefault()?.TotalParameters ?? 0,
            Mean(run => run.Seconds), Mean(run => run.SecondsPerEpoch), ended.Select(run => run.PeakBytes).DefaultIfEmpty().Max(),
            ended.FirstOrDefault()?.AdapterBytes ?? 0,
            planned.Paper, trials.FirstOrDefault(trial => trial.Failure is not null)?.Failure, trials, Candidates: null));

        double Mean(Func<TrainingSummary, double> figure) => ended.Length == 0 ? 0 : ended.Average(figure);
    }

    private ExperimentResult Finish(List<Row> rows, string[] warnings, HalvingResult? halving, CancellationToken cancellation)
    {
        Row? best = Order(rows.Where(row => row.Result.Validation is not null)).FirstOrDefault();
        string bestBy = "validation", firstTest = rows[0].Candidate.Recipe.Data.Test ?? "";
        List<(Row Row, TestAnswers[] Answers)> asked = [];
        foreach (Row row in rows)
        {
            bool wanted = _plan.Test == TestRows.All || (_plan.Test == TestRows.Best && ReferenceEquals(row, best));
            if (wanted && row.Result.Failure is null && row.Candidate.Recipe.Data.Test is not null)
                asked.Add((row, Ask(row, cancellation)));
        }

        List<RowResult> scored = [.. rows.Select(row => asked.FirstOrDefault(entry => ReferenceEquals(entry.Row,
            row)) is { Answers: { } answers } ? WithTest(row, answers) : row.Result)];
        RowResult? winner = best is null ? null : scored[rows.IndexOf(best)];
        if (winner is null && scored.Where(row => row.Test is not null).MaxBy(row => row.Test!.Mean) is { } onTest)
            (winner, bestBy) = (onTest, "test");
        // A mean average precision is no mean over pictures, which both tests need.
        bool compared = asked.Count > 1 && winner?.Test is not null
            && asked.All(entry => entry.Answers.All(answers => answers.Map is null));
        if (compared)
        {
            bool[][] right = Right(winner!.Name);
            scored = [.. scored.Select(row => row.Test is null || row.Name == winner.Name
                ? row : row with { ToBest = Difference.Between(Right(row.Name), right) })];
        }

        Recipe first = rows[0].Candidate.Recipe;
        ExperimentResult result = new(
            _plan.Kind, _plan.Command, RunEnvironment.Capture(Backend.Current.Name), first.Model.Name, first.Data.Train,
            firstTest.Length == 0 ? null : firstTest,
            _plan.TrialOf(first, 0).Recipe.Data.ValidationFraction, _plan.Seeds, scored, winner?.Name, bestBy,
            !compared ? null : _plan.Seeds.Count == 1 ? "mcnemar_exact" : "paired_bootstrap", warnings, halving);
        _store.Keep(result);
        ExperimentReport.Write(_store.Folder, result);
        _report(result);
        return result;

        bool[][] Right(string name) => [.. asked.First(entry => entry.Row.Result.Name == name).Answers.Select(answers => answers.Right)];
    }

    private TestAnswers[] Ask(Row row, CancellationToken cancellation)
    {
        List<TestAnswers> answers = [];
        foreach (long seed in _plan.Seeds)
        {
            Trial trial = _plan.TrialOf(row.Candidate.Recipe, seed);
            if (_store.FindAnswers(trial) is not { } known)
            {
                _report(new StageRecord($"test data: {row.Result.Name}, seed {seed}"));
                Recipe recipe = trial.Recipe with { Data = trial.Recipe.Data with { Test = row.Candidate.Recipe.Data.Test } };
                using RunDirectory run = RunDirectory.Open(_store.In(TrialStore.PathOf(trial)));
                recipe = recipe with { Precision = recipe.Precision.Following(run.ReadRecipe().Precision) };
                _store.Keep(trial, known = TestAnswers.Ask(recipe, run.AdapterPath, cancellation: cancellation));
            }

            answers.Add(known);
        }

        return [.. answers];
    }

    private RowResult WithTest(Row row, TestAnswers[] answers) => row.Result with
    {
        Test = Spread.Of(answers.Select(a => a.Map ?? (double?)a.Top1)),
        Trials =
        [
            .. row.Result.Trials.Zip(answers, (trial, a) => trial with
            {
                Test = new TestResult(a.Top1, a.Top5, a.Loss, a.Right.Length,
                    TrialStore.AnswersOf(_plan.TrialOf(row.Candidate.Recipe, trial.Seed))) { Map = a.Map },
            }),
        ],
    };

    private sealed record Row(PlannedRow Planned, Candidate Candidate, RowResult Result);
}
