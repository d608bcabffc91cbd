using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Inference;

/// <summary>
/// Answers questions of many tasks about many inputs in as few passes as there are: inputs climb from cut to cut together, what no asked
/// task changes is computed once an input, and the rest in one mixed pass.
/// </summary>
/// <param name="model">The backbone.</param>
/// <param name="trunks">Where trunks are kept for later questions about the same input.</param>
internal sealed class PassRunner(Backbone model, TrunkCache trunks)
{
    /// <summary>Answers all questions.</summary>
    /// <returns>The logits of each, [K]; of several views, their mean.</returns>
    public float[][] Run(IReadOnlyList<Question> questions)
    {
        using TensorScope scope = new();
        float[][] answers = new float[questions.Count][];
        Climber[] climbers =
        [
            .. Enumerable.Range(0, questions.Count).GroupBy(i => (object?)questions[i].Input.Key ?? questions[i].Input)
                .Select(same => new Climber(same.Select(i => questions[i].Input), [.. same.Select(i => (i, questions[i].Task))])),
        ];

        // Tasks that change the tokens ahead of the first block, or that block: nothing of them can be shared.
        Climber[] whole = [.. climbers.Where(climber => climber.Asked.Any(asked => asked.Task.Cut is null))];
        if (whole.Length > 0) Ask(Join([.. whole.Select(climber => climber.Pixels(model))]), cut: null, whole, answers);
        foreach (int cut in questions.Select(question => question.Task.Cut).OfType<int>().Distinct().Order())
        {
            Climber[] active = [.. climbers.Where(climber => climber.Asked.Any(asked => asked.Task.Cut >= cut))];
            Ask(Climb(active, cut), cut, active, answers);
        }

        return answers;
    }

    /// <summary>Takes inputs to a cut, each from the deepest place that is known of it.</summary>
    /// <returns>What the blocks ahead of the cut make of all of them, one behind the other.</returns>
    private Tensor Climb(Climber[] climbers, int cut)
    {
        List<IGrouping<int, Climber>> groups = [.. climbers.GroupBy(climber => climber.DeepestBelow(cut))];
        foreach (IGrouping<int, Climber> group in groups)
        {
            Climber[] together = [.. group];
            Tensor x = Join([.. together.Select(climber => climber.At(group.Key, model))]);
            if (group.Key == 0) x = model.RunBefore(cut, x, TaskSlots.None);
            else if (group.Key < cut) x = model.RunBetween(group.Key, cut, x, TaskSlots.None);
            int start = 0;
            foreach (Climber climber in together)
            {
                Tensor rows = x.SliceBatch(start, climber.Rows);
                start += climber.Rows;
                climber.Reached(cut, rows);
                if (group.Key < cut && climber.Key is { } key) trunks.Add(key, cut, rows);
            }

            if (groups.Count == 1) return x;        // all of them, in their order
        }

        return Join([.. climbers.Select(climber => climber.At(cut, model))]);
    }

    /// <summary>Runs the questions that start at a cut, about inputs whose rows stand one behind the other.</summary>
    private void Ask(Tensor x, int? cut, Climber[] climbers, float[][] answers)
    {
        List<(int Question, int Rows)> order = [];
        List<TaskSlots> tasks = [];
        List<int> samples = [];
        int start = 0;
        foreach (Climber climber in climbers)
        {
            foreach ((int question, TaskVersion task) in climber.Asked.Where(asked => asked.Task.Cut == cut))
            {
                order.Add((question, climber.Rows));
                tasks.AddRange(Enumerable.Repeat(task.Slots, climber.Rows));
                samples.AddRange(Enumerable.Range(start, climber.Rows));
            }

            start += climber.Rows;
        }

        if (order.Count == 0) return;
        Tensor[] logits = MixedPass.Run(model, x, cut, tasks, samples);
        int row = 0;
        foreach ((int question, int rows) in order)
        {
            answers[question] = Mean(logits.AsSpan(row, rows));
            row += rows;
        }
    }

    /// <summary>The mean of raw logits, summed as evaluation does.</summary>
    private static float[] Mean(ReadOnlySpan<Tensor> views)
    {
        if (views.Length == 1) return views[0].ToArray();
        double[] sum = new double[views[0].Length];
        foreach (Tensor view in views)
        {
            float[] logits = view.ToArray();
            for (int k = 0; k < sum.Length; k++) sum[k] += logits[k];
        }

        float[] mean = new float[sum.Length];
        for (int k = 0; k < mean.Length; k++) mean[k] = (float)(sum[k] / views.Length);
        return mean;
    }

    private static Tensor Join(Tensor[] parts) => BatchOps.ConcatBatch(parts);

    /// <summary>One input on its way, with all questions about it.</summary>
    private sealed class Climber
    {
        private readonly PreparedInput _input;
        private Tensor? _pixels, _tokens;
        private int _cut;

        public Climber(IEnumerable<PreparedInput> same, (int Question, TaskVersion Task)[] asked)
        {
            PreparedInput[] all = [.. same];
            PreparedInput first = Array.Find(all, input => input.Views.Count > 0) ?? all[0];
            _input = first with { Trunks = [.. all.SelectMany(input => input.Trunks)] };
            Asked = asked;
        }

        public (int Question, TaskVersion Task)[] Asked { get; }

        public InputKey? Key => _input.Key;

        public int Rows => _input.Rows;

        /// <summary>The deepest place not behind a cut of which this input's numbers are known; 0 for its pixels.</summary>
        public int DeepestBelow(int cut) => Math.Max(_cut, _input.TrunkFor(cut)?.Cut ?? 0);

        /// <summary>Its numbers there.</summary>
        public Tensor At(int cut, Backbone model)
        {
            if (cut == 0) return Pixels(model);
            if (cut == _cut) return _tokens!;
            Trunk trunk = _input.TrunkFor(cut)!;
            return Tensor.From(trunk.Values, trunk.Shape);
        }

        public Tensor Pixels(Backbone model)
        {
            if (_pixels is not null) return _pixels;
            Shape one = new([1, .. model.InputShape]);
            return _pixels = Join([.. _input.Views.Select(view => Tensor.From(view.Span, one))]);
        }

        public void Reached(int cut, Tensor tokens) => (_cut, _tokens) = (cut, tokens);
    }
}
