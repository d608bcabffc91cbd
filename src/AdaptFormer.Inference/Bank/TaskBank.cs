using System.Diagnostics;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Tensors;

namespace AdaptFormer.Inference;

/// <summary>
/// Any number of tasks over one frozen backbone in memory: pictures and clips are asked one task, some, or each its own, in mixed passes.
/// Tasks are read, replaced and removed beside the answering. Safe for many threads.
/// </summary>
/// <remarks>AdaptFormer, arXiv:2205.13535, section 3.2: one frozen model, a small adapter for each task.</remarks>
public sealed class TaskBank : IDisposable
{
    /// <summary>The name of the source of traces.</summary>
    public const string ActivityName = "AdaptFormer.Inference";

    private static readonly ActivitySource Activities = new(ActivityName);
    private static readonly TimeSpan SpareMoment = TimeSpan.FromSeconds(1);

    private readonly bool _ownsModel;
    private readonly TaskBankOptions _options;
    private readonly TrunkCache _trunks;
    private readonly InputReader _reader;
    private readonly TaskShelf _shelf;
    private readonly InferenceThread _thread;

    /// <summary>A bank over <paramref name="model"/>, which stays the caller's and must not be changed as long as the bank
    /// answers.</summary>
    /// <param name="model">The backbone; what is attached to it, and its head, play no part.</param>
    /// <param name="options">Sizes and limits.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public TaskBank(Backbone model, TaskBankOptions? options = null)
        : this(model, options, ownsModel: false)
    {
    }

    private TaskBank(Backbone model, TaskBankOptions? options, bool ownsModel)
    {
        (Model, _options, _ownsModel) = (model, options ?? new TaskBankOptions(), ownsModel);
        _options.Validate();
        _trunks = new TrunkCache(_options.TrunkBytes);
        _reader = new InputReader(model, _options.Inputs ?? new InputLimits(), _trunks);
        _shelf = new TaskShelf(model, _options.TaskBytes);
        _thread = new InferenceThread(new PassRunner(model, _trunks), _options);
    }

    /// <summary>Says why a task was taken away again: its self-test, run at a spare moment, failed.</summary>
    public event Action<string, InvalidDataException>? TaskFailed;

    /// <summary>The backbone.</summary>
    public Backbone Model { get; }

    /// <summary>All tasks, by name.</summary>
    public IReadOnlyList<BankedTask> Tasks => _shelf.All;

    /// <summary>Questions that wait for a pass.</summary>
    public int Waiting => _thread.Waiting;

    /// <summary>Bytes of the trunks that are kept.</summary>
    public long TrunkBytes => _trunks.Bytes;

    /// <summary>Opens a bank over the backbone in a file, a folder or on the Hub.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="options">Sizes and limits.</param>
    /// <param name="precision">Precision of the products.</param>
    /// <param name="model">The model's id; told by the weights if null.</param>
    /// <param name="prefix">Which of several models in the file; found if null.</param>
    /// <exception cref="IOException">The weights cannot be read.</exception>
    /// <exception cref="InvalidDataException">They are damaged, or no model that is known.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static TaskBank Open(
        string weights, TaskBankOptions? options = null, Precision precision = Precision.Auto, string? model = null, string? prefix = null)
    {
        options?.Validate();
        BackboneOptions opening = new(model, Compute: precision.Compute(), KeepHead: false, Prefix: prefix);
        Backbone backbone = BackboneLoader.Open(weights, opening);
        if (precision == Precision.Int8) backbone.PredictInBytes();
        return new TaskBank(backbone, options, ownsModel: true);
    }

    /// <summary>The task of a name; null if there is none.</summary>
    /// <param name="name">Its name.</param>
    public BankedTask? Find(string name) => _shelf.Find(name);

    /// <inheritdoc cref="LoadAsync"/>
    public BankedTask Load(string path, string? name = null) => LoadAsync(path, name).GetAwaiter().GetResult();

    /// <summary>
    /// Reads an adapter file as a task, beside the answering. A new task is there as soon as its file is read; its self-test is run at a
    /// spare moment, and in any case ahead of its first answer. In place of a task of the same name it stands once it has passed that test:
    /// until then, and if anything is wrong with it, the old one answers.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="name">What the task is called; the file's name without its ending if null.</param>
    /// <param name="cancellation">Gives it up; nothing has changed then.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// It is damaged, belongs to another backbone, is of full tuning (a model of its own), or fails its self-test.
    /// </exception>
    public async Task<BankedTask> LoadAsync(string path, string? name = null, CancellationToken cancellation = default) =>
        (await LoadStampedAsync(path, name ?? Path.GetFileNameWithoutExtension(path), cancellation).ConfigureAwait(false)).Task;

    /// <summary>As <see cref="LoadAsync"/>, with the state of the file that was read.</summary>
    internal async Task<(BankedTask Task, FileStamp Stamp)> LoadStampedAsync(string path, string name, CancellationToken cancellation)
    {
        TaskVersion version = await Task.Run(() => _shelf.Read(name, path), cancellation).ConfigureAwait(false);
        version.TryPin();
        try
        {
            bool replaces = _shelf.Find(name) is not null;
            if (replaces) await TestAsync(version).WaitAsync(cancellation).ConfigureAwait(false);
            _shelf.Put(version);
            if (!replaces) _ = TestLaterAsync(version);      // after it stands there, so that a failed test finds what it takes away
            return (new BankedTask(name, version.Info, version.Number, IsResident: true, version.Bytes, version.IsTested), version.Stamp);
        }
        catch
        {
            version.Retire();
            throw;
        }
        finally
        {
            version.Unpin();
        }
    }

    /// <summary>Takes a task away; what was asked of it before is answered.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Whether it was there.</returns>
    public bool Remove(string name) => _shelf.Remove(name);

    /// <inheritdoc cref="AskAsync(VisualInput, string, CancellationToken)"/>
    public TaskAnswer Ask(VisualInput input, string task) => AskAsync(input, task).GetAwaiter().GetResult();

    /// <inheritdoc cref="AskAsync(VisualInput, IReadOnlyList{string}, CancellationToken)"/>
    public IReadOnlyList<TaskAnswer> Ask(VisualInput input, IReadOnlyList<string> tasks) => AskAsync(input, tasks).GetAwaiter().GetResult();

    /// <inheritdoc cref="AskManyAsync"/>
    public IReadOnlyList<TaskAnswer> AskMany(IReadOnlyList<TaskQuestion> questions) => AskManyAsync(questions).GetAwaiter().GetResult();

    /// <summary>Asks one task about one picture or clip.</summary>
    /// <param name="input">A path, bytes, pixels or a tensor.</param>
    /// <param name="task">The task's name.</param>
    /// <param name="cancellation">Gives the question up; it costs no pass any more.</param>
    /// <exception cref="UnknownTaskException">There is no such task.</exception>
    /// <exception cref="InvalidDataException">The input is damaged or beyond a limit, or the task fails its self-test.</exception>
    /// <exception cref="IOException">The input cannot be read.</exception>
    /// <exception cref="ArgumentException">The model does not read such inputs.</exception>
    /// <exception cref="BankBusyException">The queue is full, and questions beyond it are refused.</exception>
    /// <exception cref="TimeoutException">The question waited longer than its deadline.</exception>
    public async Task<TaskAnswer> AskAsync(VisualInput input, string task, CancellationToken cancellation = default) =>
        (await AskAsync(input, [task], cancellation).ConfigureAwait(false))[0];

    /// <summary>Asks several tasks about one picture or clip; what none of them changes is computed once.</summary>
    /// <param name="input">A path, bytes, pixels or a tensor.</param>
    /// <param name="tasks">The tasks' names; the answers come in their order.</param>
    /// <param name="cancellation">Gives the questions up.</param>
    /// <inheritdoc cref="AskAsync(VisualInput, string, CancellationToken)"/>
    public async Task<IReadOnlyList<TaskAnswer>> AskAsync(
        VisualInput input, IReadOnlyList<string> tasks, CancellationToken cancellation = default)
    {
        if (tasks.Count == 0) return [];
        List<TaskVersion> pinned = [];
        List<Question> questions = [];
        try
        {
            foreach (string task in tasks) pinned.Add(await _shelf.PinAsync(task).ConfigureAwait(false));
            var wanted = pinned.GroupBy(task => task.Info.Preprocessing).ToList();
            IReadOnlyList<PreparedInput> inputs;
            using (Activities.StartActivity("read input"))
            {
                inputs = await _reader.ReadAsync(
                    input, [.. wanted.Select(group => (group.Key, (IReadOnlyList<int?>)[.. group.Select(task => task.Cut)]))], cancellation)
                    .ConfigureAwait(false);
            }

            Dictionary<Preprocessing, PreparedInput> prepared = wanted.Zip(inputs)
                .ToDictionary(pair => pair.First.Key, pair => pair.Second);
            foreach (TaskVersion task in pinned)
                questions.Add(new Question(task, prepared[task.Info.Preprocessing], _options.Deadline, cancellation));
            while (_thread.TryAdd(questions) is { } room) await room.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            foreach (TaskVersion task in pinned) task.Unpin();
            throw;
        }

        using Activity? pass = Activities.StartActivity("pass");
        pass?.SetTag("tasks", tasks.Count);
        float[][] logits = await Task.WhenAll(questions.Select(question => question.Answer)).WaitAsync(cancellation).ConfigureAwait(false);
        return [.. pinned.Zip(logits, (task, answer) => new TaskAnswer(task.Name, task.Info, answer))];
    }

    /// <summary>Asks about many pictures or clips, each its own task, in mixed passes; inputs are read ahead of them.</summary>
    /// <param name="questions">Inputs with their tasks; the answers come in their order.</param>
    /// <param name="cancellation">Gives up those that are not answered yet.</param>
    /// <inheritdoc cref="AskAsync(VisualInput, string, CancellationToken)"/>
    public async Task<IReadOnlyList<TaskAnswer>> AskManyAsync(
        IReadOnlyList<TaskQuestion> questions, CancellationToken cancellation = default)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        TaskAnswer[] answers = new TaskAnswer[questions.Count];
        int ahead = Math.Max(2, Math.Min(4 * _options.BatchSize, _options.MostOfOneTask));
        await Parallel.ForAsync(0, questions.Count, new ParallelOptions { MaxDegreeOfParallelism = ahead, CancellationToken = stop.Token },
            async (i, token) => answers[i] = await AskAsync(questions[i].Input, questions[i].Task, token).ConfigureAwait(false))
            .ConfigureAwait(false);
        return answers;
    }

    /// <summary>Which patches a task reads in one picture, or in the first view of a clip.</summary>
    /// <param name="input">The picture or clip.</param>
    /// <param name="task">The task's name.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <returns>The maps, and what the model saw: [3, S, S] or [3, T, S, S], normalised.</returns>
    /// <inheritdoc cref="AskAsync(VisualInput, string, CancellationToken)"/>
    public async Task<(AttentionMaps Maps, ReadOnlyMemory<float> Seen)> AttendAsync(
        VisualInput input, string task, CancellationToken cancellation = default)
    {
        TaskVersion pinned = await _shelf.PinAsync(task).ConfigureAwait(false);
        try
        {
            IReadOnlyList<PreparedInput> prepared =
                await _reader.ReadAsync(input, [(pinned.Info.Preprocessing, [null])], cancellation).ConfigureAwait(false);
            ReadOnlyMemory<float> seen = prepared[0].Views[0];
            return await _thread.RunAsync(() =>
            {
                cancellation.ThrowIfCancellationRequested();
                pinned.Test();
                using TensorScope scope = new();
                return (AttentionMaps.Of(Model, Tensor.From(seen.Span, new Shape([1, .. Model.InputShape])), pinned.Slots).Maps, seen);
            }, TimeSpan.Zero).ConfigureAwait(false);
        }
        finally
        {
            pinned.Unpin();
        }
    }

    /// <summary>Takes no more questions, answers those that were taken, and frees everything.</summary>
    public void Dispose()
    {
        _thread.Dispose();
        _shelf.Dispose();
        _reader.Dispose();
        if (_ownsModel) Model.Dispose();
    }

    /// <summary>Runs a task's self-test at a spare moment. The thread of the passes lets go of the task itself: nothing is freed while it
    /// is tested, whoever gives up waiting, and nothing is held when that thread has ended.</summary>
    private async Task TestAsync(TaskVersion version)
    {
        if (!version.TryPin()) return;
        Task test;
        try
        {
            test = _thread.RunAsync(() =>
            {
                try
                {
                    version.Test();
                    return true;
                }
                finally
                {
                    version.Unpin();
                }
            }, SpareMoment);
        }
        catch
        {
            version.Unpin();
            throw;
        }

        await test.ConfigureAwait(false);
    }

    /// <summary>Tests a new task, and takes it away again if it fails.</summary>
    private async Task TestLaterAsync(TaskVersion version)
    {
        try
        {
            await TestAsync(version).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            _shelf.Remove(version.Name, version);
            TaskFailed?.Invoke(version.Name, e);
        }
        catch (ObjectDisposedException)
        {
            // The bank was closed ahead of the spare moment.
        }
    }
}
