using System.Diagnostics;
using System.Diagnostics.Metrics;
using AdaptFormer.Inference;
using Microsoft.AspNetCore.Http;

namespace AdaptFormer.Serving;

/// <summary>What the server counts. Names of tasks that there are none of are not told apart, so that strangers cannot make
/// counters.</summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The meters that are shown.</summary>
    public static readonly string[] Meters = ["AdaptFormer.Serving", "AdaptFormer.Inference", "Microsoft.AspNetCore.Hosting",
        "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly Meter _meter = new("AdaptFormer.Serving");
    private readonly Counter<long> _questions;
    private readonly Histogram<double> _loads;
    private readonly Counter<long> _changes;
    private readonly TaskBank _bank;

    public ServerMetrics(TaskBank bank, BodyReader bodies)
    {
        _bank = bank;
        _questions = _meter.CreateCounter<long>("adaptformer.questions", "{question}", "Questions by task and outcome");
        _changes = _meter.CreateCounter<long>("adaptformer.task.changes", "{change}",
            "Tasks that were loaded, replaced, removed or refused");
        _loads = _meter.CreateHistogram<double>("adaptformer.task.load.duration", "s", "How long reading a task took", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5] });
        _meter.CreateObservableGauge("adaptformer.tasks", () => bank.Tasks.Count, "{task}", "Tasks");
        _meter.CreateObservableGauge("adaptformer.tasks.resident", () => bank.Tasks.Count(task => task.IsResident), "{task}",
            "Tasks in memory");
        _meter.CreateObservableGauge("adaptformer.tasks.memory", () => bank.Tasks.Sum(task => task.Bytes), "By", "Memory of tasks");
        _meter.CreateObservableGauge("adaptformer.trunks.memory", () => bank.TrunkBytes, "By", "Memory of trunks that are kept");
        _meter.CreateObservableGauge("adaptformer.bodies.memory", () => bodies.Held, "By", "Memory of bodies that are being read");
        _meter.CreateObservableGauge("adaptformer.queue.length", () => bank.Waiting, "{question}", "Questions that wait for a pass");
        _meter.CreateObservableGauge("adaptformer.process.memory", () => Environment.WorkingSet, "By", "Memory of the process");
    }

    /// <summary>Counts questions of one task.</summary>
    public void Count(string task, int status, int questions = 1) => _questions.Add(questions, new TagList
    {
        { "task", _bank.Find(task) is null ? "" : task },
        { "outcome", status < 400
            ? "answered" : status == StatusCodes.Status503ServiceUnavailable ? "busy" : status < 500 ? "refused" : "failed" },
    });

    /// <summary>Counts a change of the folder of tasks.</summary>
    public void Count(TaskFolderChange change)
    {
        _changes.Add(1, new KeyValuePair<string, object?>("kind", change.Kind.ToString().ToLowerInvariant()));
        if (change.Kind is TaskChange.Loaded or TaskChange.Replaced) _loads.Record(change.Took.TotalSeconds);
    }

    public void Dispose() => _meter.Dispose();
}
