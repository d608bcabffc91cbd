using AdaptFormer.Data;
using AdaptFormer.Data.Loading;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Schedules;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Training.Loop;

/// <content>One epoch: steps of batches that the processes share, and what they tell each other after each.</content>
public sealed partial class Trainer
{
    private EpochFigures TrainEpoch(BatchSource train, int epoch, ScheduledRun run, CancellationToken cancellation)
    {
        TimeSpan start = _clock.Elapsed, waited = train.WaitTime, exchanged = _ranks.ExchangeTime;
        EpochState state = _state ??= new EpochState();
        (_doneBefore, int imagesBefore, int total) = (state.Batches, state.Images, train.BatchesPerEpoch);
        if (_ranks.Size == 1) cancellation.ThrowIfCancellationRequested();
        using IEnumerator<InputBatch> own = train.Epoch(epoch, OwnBefore(state.Batches)).GetEnumerator();
        while (state.Batches < total)
        {
            int at = state.Batches, count = Math.Min(_options.Accumulate, total - at);
            bool steps = count == _options.Accumulate || !DropsRest;
            StepRate rate = _options.Schedule.At(DropsRest ? ((long)(epoch - 1) * total) + at : _step, run);
            state.Lr = rate.Lr;
            _ranks.Place = $"epoch {epoch}, step {(at / _options.Accumulate) + 1}";
            _sum.Begin(count);
            StepShare share = new();
            for (int round = 0; round < count; round += _ranks.Size)
            {
                int mine = round + _ranks.Rank;
                if (mine < count)
                {
                    if (!own.MoveNext()) throw new InvalidOperationException("Trainer: the source gave fewer batches than it has.");
                    using InputBatch batch = own.Current;
                    share.Batches.Add(Learn(train, batch, epoch, at + mine, 1f / (DropsRest ? _options.Accumulate : count)));
                }

                if (steps) _sum.Add(round);
                if (_ranks.Size > 1) continue;
                state.Take(share.Batches[^1]);
                Report("train", epoch, state.Batches, train, state.Loss, start, waited);
            }

            bool stop = _ranks.Size > 1
                ? TakeAll(Told(share, train, start, waited, exchanged, cancellation), state, count)
                : cancellation.IsCancellationRequested;
            if (_ranks.Size > 1) Report("train", epoch, state.Batches, train, state.Loss, start, waited);
            if (steps) Step(rate);
            SaveIfDue(steps, stop);
            if (!stop) continue;
            cancellation.ThrowIfCancellationRequested();
            throw new OperationCanceledException("Another process was asked to stop.");
        }

        double seconds = (_clock.Elapsed - start).TotalSeconds;
        return new EpochFigures(
            epoch, state.Loss, state.Means(), null, state.Lr, (state.Images - imagesBefore) / seconds,
            (train.WaitTime - waited).TotalSeconds / seconds, seconds)
        { Ranks = _times };
    }

    /// <summary>How many of an epoch's first batches are this process's.</summary>
    private int OwnBefore(int batches) => new EpochShard(0, 1, false, _ranks.Rank, _ranks.Size).BatchesBefore(batches);

    /// <summary>One batch forwards and backwards.</summary>
    private SeenBatch Learn(BatchSource source, InputBatch batch, int epoch, int index, float share)
    {
        using TensorScope scope = new();
        Rng rng = _rng.Derive(epoch, index);
        TrainingFigures figures = new();
        List<RunningMove> moves = [];
        using Tape tape = new(_task.TapeStream(rng))
        {
            Moves = _ranks.Size > 1 ? moves : null,
            RecomputesBlocks = _options.Recompute == Recomputation.Blocks,
        };
        Tensor loss = _task.Loss(source, batch, tape.Watch(batch.Input), rng, figures);
        // A device goes on with the backward pass while the loss travels to the host; nothing is stepped before it was seen.
        Readback read = loss.StartRead();
        tape.Backward(loss, share);
        double value = read.Take()[0];
        if (!double.IsFinite(value))
            throw _task.NonFinite(source, batch.Input, rng, new NonFiniteLoss(value, epoch, index, _step, BestEpoch));
        figures.Complete();
        return new SeenBatch(value, batch.Count, figures.Added, moves);
    }

    private StepShare[] Told(
        StepShare share, BatchSource train, TimeSpan start, TimeSpan waited, TimeSpan exchanged, CancellationToken cancellation)
    {
        share.Stop = cancellation.IsCancellationRequested;
        share.Times = ((train.WaitTime - waited).TotalSeconds, (_ranks.ExchangeTime - exchanged).TotalSeconds,
            (_clock.Elapsed - start).TotalSeconds);
        return [.. _ranks.Gather(share.ToBytes(_numbers)).Select(bytes => StepShare.Of(bytes, _buffers))];
    }

    /// <summary>Takes in what all processes saw, in the order of the batches.</summary>
    /// <returns>Whether one of them was asked to stop.</returns>
    private bool TakeAll(StepShare[] told, EpochState state, int count)
    {
        for (int j = 0; j < count; j++)
        {
            SeenBatch seen = told[j % told.Length].Batches[j / told.Length];
            state.Take(seen);
            foreach (RunningMove move in seen.Moves) move.Make();
        }

        _times =
        [
            .. told.Select((share, rank) => new RankTime(rank, _ranks.Hosts[rank], share.Times.Loading,
                Math.Max(0, share.Times.All - share.Times.Loading - share.Times.Waiting), share.Times.Waiting)),
        ];
        return told.Any(share => share.Stop);
    }

    private void Step(StepRate rate)
    {
        _sum.End();
        if (_options.ClipNorm is { } most) Optimizers.GradientNorm.Clip(_flat.Gradients, most);
        _optimizer.Step(_flat.Values, _flat.Gradients, rate.Lr, rate.Momentum);
        _flat.Changed();
        _average?.Update();
        _step++;
    }

    private void SaveIfDue(bool stepped, bool stop)
    {
        bool due = stepped && _options.SaveSteps is { } n && _step % n == 0;
        due |= _options.SaveMinutes is { } minutes && (_clock.Elapsed - _saved).TotalMinutes >= minutes;
        if (!due && !stop) return;
        SaveDue?.Invoke();
        _saved = _clock.Elapsed;
    }
}
