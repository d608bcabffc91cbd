using AdaptFormer.Models;
using AdaptFormer.Peft;

namespace AdaptFormer.Inference;

/// <summary>
/// A task's numbers in memory, as one file had them. Whoever asks pins them: they are freed when they are retired and nobody asks any more.
/// </summary>
internal sealed class TaskVersion
{
    private readonly Lock _gate = new();
    private readonly AdapterTask _task;
    private readonly Action? _onIdle;
    private int _pins;
    private bool _retired, _disposed, _isMeasured;

    /// <summary>Takes a task that was read.</summary>
    /// <param name="name">What it is called in the bank.</param>
    /// <param name="number">Which file of this name it is, from 1.</param>
    /// <param name="task">The task, owned from here on.</param>
    /// <param name="model">Its backbone.</param>
    /// <param name="stamp">The file that it was read from.</param>
    /// <param name="isTested">Whether this file's self-test was run before.</param>
    /// <param name="onIdle">Called, from any thread and under no lock of this, when the last who asked is done.</param>
    public TaskVersion(
        string name, int number, AdapterTask task, Backbone model, FileStamp stamp, bool isTested, Action? onIdle = null)
    {
        (Name, Number, _task, Stamp, IsTested, _onIdle) = (name, number, task, stamp, isTested, onIdle);
        Cut = model.SharedCut([task.Slots]) is { } cut and > 0 ? cut : null;
        Bytes = task.Bytes;
    }

    public string Name { get; }

    public int Number { get; }

    public FileStamp Stamp { get; }

    public AdapterInfo Info => _task.Info;

    public TaskSlots Slots => _task.Slots;

    /// <summary>The first block that it touches, from 1; null where it shares nothing.</summary>
    public int? Cut { get; }

    /// <summary>Bytes that it holds; others once products have put its matrices into their own form.</summary>
    public long Bytes { get; private set; }

    public bool IsTested { get; private set; }

    /// <summary>Why its self-test failed; null as long as it has not.</summary>
    public InvalidDataException? Fault { get; private set; }

    public bool IsPinned
    {
        get
        {
            lock (_gate) return _pins > 0;
        }
    }

    /// <summary>Keeps the numbers in memory until <see cref="Unpin"/>.</summary>
    /// <returns>Whether they still were.</returns>
    public bool TryPin()
    {
        lock (_gate)
        {
            if (_retired) return false;
            _pins++;
            return true;
        }
    }

    public void Unpin()
    {
        bool idle;
        lock (_gate)
        {
            idle = --_pins == 0;
            Free();
        }

        if (idle) _onIdle?.Invoke();
    }

    /// <summary>Lets the numbers go as soon as nobody asks.</summary>
    public void Retire()
    {
        lock (_gate)
        {
            _retired = true;
            Free();
        }
    }

    /// <summary>Runs the self-test unless that was done; on the thread of the passes, by somebody who holds a pin.</summary>
    /// <exception cref="InvalidDataException">The task answers otherwise than when its file was written.</exception>
    public void Test()
    {
        if (Fault is not null) throw Fault;
        if (IsTested) return;
        try
        {
            _task.CheckAnswer();
        }
        catch (InvalidDataException e)
        {
            Fault = e;
            throw;
        }
        finally
        {
            Measure();
        }

        IsTested = true;
    }

    /// <summary>Counts its bytes after the first pass with it; on the thread of the passes, by somebody who holds a pin.</summary>
    public void Measure()
    {
        if (_isMeasured) return;
        (Bytes, _isMeasured) = (_task.Bytes, true);
    }

    private void Free()
    {
        if (!_retired || _pins > 0 || _disposed) return;
        _disposed = true;
        _task.Dispose();
    }
}
