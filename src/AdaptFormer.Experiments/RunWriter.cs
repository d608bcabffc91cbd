using AdaptFormer.Models;
using AdaptFormer.Reports;
using AdaptFormer.Reports.TensorBoard;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;

namespace AdaptFormer.Experiments;

/// <summary>What a training writes into its folder while it goes on; of several processes one has it.</summary>
internal sealed class RunWriter : IDisposable
{
    private readonly RunDirectory _run;
    private readonly Recipe _recipe;
    private readonly Trainer _trainer;
    private readonly TensorBoardLog? _board;
    private readonly List<EpochRecord> _epochs;

    /// <summary>Writes what a trainer does from now on.</summary>
    public RunWriter(RunDirectory run, Recipe recipe, Backbone model, RecipeData data, Trainer trainer, Action<RunRecord> report)
    {
        (_run, _recipe, _trainer, _epochs) = (run, recipe, trainer, [.. run.ReadLog()]);
        _board = recipe.Tensorboard ? new TensorBoardLog(run.TensorBoardPath, recipe, _epochs) : null;
        if (recipe.Checkpoints)
        {
            trainer.CheckpointDue = () => trainer.SaveCheckpoint(run.CheckpointPath);
            trainer.SaveDue = SaveWithin;
        }

        trainer.EpochDone = (told, best) =>
        {
            EpochRecord record = EpochRecord.Of(told);
            if (best) RecipeAdapter.Save(model, recipe, data, record, run.AdapterPath);
            run.Log(record);
            _epochs.Add(record);
            _board?.Add(record);
            report(record);
        };
    }

    /// <summary>The epochs done so far, those of an interrupted run included.</summary>
    public IReadOnlyList<EpochRecord> Epochs => _epochs;

    /// <summary>Writes what only the end knows, the outcome last: a run that has one lacks nothing.</summary>
    public void Finish(Backbone model, RecipeData data, TrainingSummary summary, Evaluator? answers)
    {
        FeatureSet? features = data.Test is null ? null : FeatureSet.Of(model, data.Test.Samples, RunReport.MapItems, _recipe.Seed);
        ReportData page = RunReport.Write(_run, _recipe, model, features, data, data.ClassNames, _epochs, summary, answers);
        _board?.End(summary, page, features);
        _run.Finish(summary);
    }

    /// <summary>The error of a run that was stopped.</summary>
    public TrainingStoppedException Stopped(OperationCanceledException stopped)
    {
        string learned = _trainer.BestEpoch > 0
            ? $"{_run.AdapterPath} holds what epoch {_trainer.BestEpoch} had learned."
            : "nothing was learned yet.";
        string next = _run.FindCheckpoint(out _) is null ? "" : " Go on with train --resume.";
        return new TrainingStoppedException($"Stopped after {_epochs.Count} of {_recipe.Epochs} epochs; {learned}{next}", stopped);
    }

    /// <inheritdoc/>
    public void Dispose() => _board?.Dispose();

    private void SaveWithin()
    {
        _trainer.SaveCheckpoint(_run.StepCheckpointPath(_trainer.EpochsDone + 1, _trainer.BatchesDone));
        _run.KeepCheckpoints(_recipe.Save.Keep);
    }
}
