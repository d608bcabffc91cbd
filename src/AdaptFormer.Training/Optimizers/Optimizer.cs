namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// Changes parameters by their gradients. All trainable parameters lie in one flat f32 buffer, so that distributed
/// training sums one array; <see cref="Segments"/> says which tensor lies where. State buffers have the same layout. Gaps
/// between segments (alignment) are never touched.
/// </summary>
/// <remarks>Every element is computed from its own gradient and state by the same operations whatever the vector width, so results do not depend on the machine.</remarks>
public abstract class Optimizer
{
    private readonly Dictionary<string, float[]> _state = [];

    /// <summary>Checks the layout and makes the state, all zeros.</summary>
    /// <param name="segments">By ascending start; gaps are allowed.</param>
    /// <param name="stateNames">Names of the state buffers.</param>
    /// <exception cref="ArgumentException">Segments overlap, or two have one name.</exception>
    protected Optimizer(IReadOnlyList<ParameterSegment> segments, params ReadOnlySpan<string> stateNames)
    {
        int end = 0;
        HashSet<string> names = [];
        foreach (ParameterSegment segment in segments)
        {
            if (!names.Add(segment.Name)) throw new ArgumentException($"Optimizer: two trainable parameters are called '{segment.Name}'.", nameof(segments));
            if (segment.Start < end || segment.Length < 0)
                throw new ArgumentException($"Optimizer: '{segment.Name}' is [{segment.Start}, {segment.Start + segment.Length}), but the parameters before it end at {end}.", nameof(segments));
            end = checked(segment.Start + segment.Length);
        }

        Segments = segments;
        Length = end;
        foreach (string name in stateNames) _state.Add(name, new float[end]);
    }

    /// <summary>Where each trainable tensor lies.</summary>
    public IReadOnlyList<ParameterSegment> Segments { get; }

    /// <summary>Elements of the flat buffer up to the end of the last segment.</summary>
    public int Length { get; }

    /// <summary>Steps done so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Bytes that the state takes, beside the parameters themselves.</summary>
    public long StateBytes => (long)_state.Count * Length * sizeof(float);

    /// <summary>Does one step in place.</summary>
    /// <param name="parameters">At least <see cref="Length"/> long.</param>
    /// <param name="gradients">As long as <paramref name="parameters"/>; the mean over the effective batch.</param>
    /// <param name="lr">Learning rate of this step, at least 0.</param>
    /// <param name="momentum">Momentum (SGD, LARS) or β₁ (Adam) of this step, for schedules that cycle it; the configured one if null.</param>
    /// <exception cref="ArgumentException">The spans are too short or of different lengths.</exception>
    public void Step(Span<float> parameters, ReadOnlySpan<float> gradients, double lr, double? momentum = null)
    {
        if (parameters.Length < Length || gradients.Length != parameters.Length)
            throw new ArgumentException($"Optimizer: expected at least {Length} parameters and as many gradients; got {parameters.Length} and {gradients.Length}.");
        ArgumentOutOfRangeException.ThrowIfNegative(lr);

        Steps++;
        foreach (ParameterSegment segment in Segments)
            Update(segment, parameters.Slice(segment.Start, segment.Length), gradients.Slice(segment.Start, segment.Length), lr * segment.LrScale, momentum);
    }

    /// <summary>The state for a checkpoint: one entry per buffer and parameter, called <c>buffer/parameter</c>. The memory is live, not a copy.</summary>
    public IEnumerable<(string Name, Memory<float> Values)> State =>
        from buffer in _state
        from segment in Segments
        select ($"{buffer.Key}/{segment.Name}", buffer.Value.AsMemory(segment.Start, segment.Length));

    /// <summary>Takes over the state of a checkpoint, all or nothing.</summary>
    /// <param name="steps">Steps done when the state was saved.</param>
    /// <param name="state">What <see cref="State"/> gave; further entries are refused.</param>
    /// <exception cref="InvalidDataException">An entry is missing, unexpected or of another length; all such entries are named.</exception>
    public void Restore(long steps, IReadOnlyDictionary<string, ReadOnlyMemory<float>> state)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        (string Name, Memory<float> Values)[] own = [.. State];
        List<string> problems = [];
        foreach ((string name, Memory<float> values) in own)
        {
            if (!state.TryGetValue(name, out ReadOnlyMemory<float> saved)) problems.Add($"missing {name}");
            else if (saved.Length != values.Length) problems.Add($"{name} has {saved.Length} values, expected {values.Length}");
        }

        HashSet<string> known = [.. own.Select(entry => entry.Name)];
        problems.AddRange(state.Keys.Where(name => !known.Contains(name)).Select(name => $"unexpected {name}"));
        if (problems.Count > 0)
            throw new InvalidDataException($"Optimizer state does not fit this run (same method, model and optimizer needed): {string.Join("; ", problems)}.");

        foreach ((string name, Memory<float> values) in own) state[name].CopyTo(values);
        Steps = steps;
    }

    /// <summary>Updates one tensor; <see cref="Steps"/> already counts this step.</summary>
    protected abstract void Update(ParameterSegment segment, Span<float> parameters, ReadOnlySpan<float> gradients, double lr, double? momentum);

    /// <summary>The part of a state buffer that belongs to <paramref name="segment"/>.</summary>
    protected Span<float> StateOf(string name, ParameterSegment segment) => _state[name].AsSpan(segment.Start, segment.Length);
}
