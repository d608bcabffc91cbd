namespace AdaptFormer.Inference;

/// <summary>
/// Questions that wait, one line for each task; passes take one of each line in turn, so that a task with many does not hold up the others.
/// Not safe for several threads: its owner locks.
/// </summary>
/// <param name="most">Questions that may wait.</param>
/// <param name="mostOfOne">Questions of one task that may wait.</param>
internal sealed class FairQueue(int most, int mostOfOne)
{
    private readonly Dictionary<string, Queue<Question>> _lines = [];
    private readonly Queue<string> _turns = new();

    /// <summary>Questions that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Their rows in a pass.</summary>
    public int Rows { get; private set; }

    /// <summary>When the first of the lines' first questions came; null where none waits.</summary>
    public long? Oldest => Count == 0 ? null : _lines.Values.Min(line => line.Peek().Since);

    /// <summary>Why questions of these tasks cannot be taken now; null if they can.</summary>
    public string? Refusal(IEnumerable<string> tasks)
    {
        if (Count >= most) return $"{Count} questions are waiting, which is as many as may; ask again later.";
        string? full = tasks.FirstOrDefault(task => _lines.TryGetValue(task, out Queue<Question>? line) && line.Count >= mostOfOne);
        return full is null ? null : $"{mostOfOne} questions are waiting for the task '{full}', which is as many as may; ask again later.";
    }

    public void Add(Question question)
    {
        if (!_lines.TryGetValue(question.Task.Name, out Queue<Question>? line))
        {
            _lines[question.Task.Name] = line = new Queue<Question>();
            _turns.Enqueue(question.Task.Name);
        }

        line.Enqueue(question);
        Count++;
        Rows += question.Input.Rows;
    }

    /// <summary>Takes questions that are still wanted, up to a number of rows; always one if there is one.</summary>
    public List<Question> Take(int rows)
    {
        List<Question> taken = [];
        int room = rows;
        while (Count > 0)
        {
            string task = _turns.Peek();
            Queue<Question> line = _lines[task];
            if (taken.Count > 0 && line.Peek().Input.Rows > room) break;
            Question question = line.Dequeue();
            _turns.Dequeue();
            if (line.Count > 0) _turns.Enqueue(task);
            else _lines.Remove(task);
            Count--;
            Rows -= question.Input.Rows;
            if (!question.IsWanted()) continue;
            taken.Add(question);
            room -= question.Input.Rows;
        }

        return taken;
    }
}
