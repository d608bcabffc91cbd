using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Optimizers;

/// <summary>
/// Changes parameters by their gradients, on their device. All trainable parameters lie in one flat f32 vector, so that distributed
/// training sums one array; <see cref="Segments"/> says which tensor lies where. State buffers have the same layout. Gaps
/// between segments (alignment) are never touched.
/// </summary>
/// <remarks>Every element is computed from its own gradient and state by the same operations whatever the vector width, so results do not
/// depend on the machine.</remarks>
public abstract class Optimizer : IDisposable
{
    private readonly Dictionary<string, Parameter> _state = [];

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
            if (!names.Add(segment.Name))
                throw new ArgumentException($"Optimizer: two trainable parameters are called '{segment.Name}'.", nameof(segments));
            if (segment.Start < end || segment.Length < 0)
                throw new ArgumentException($"Optimizer: '{segment.Name}' is [{segment.Start}, {segment.Start + segment.Length}), but "
                    + $"the parameters before it end at {end}.", nameof(segments));
            end = checked(segment.Start + segment.Length);
        }

        Segments = segments;
        Length = end;
        foreach (string name in stateNames) _state.Add(name, Parameter.Zeros(end));
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
    /// <param name="parameters">[n], f32, n at least <see cref="Length"/>.</param>
    /// <param name="gradients">As long as <paramref name="parameters"/>; the mean over the effective batch.</param>
    /// <param name="lr">Learning rate of this step, at least 0.</param>
    /// <param name="momentum">Momentum (SGD, LARS) or β₁ (Adam) of this step, for schedules that cycle it; the configured one if
    /// null.</param>
    /// <exception cref="ArgumentException">The vectors are too short or of different lengths.</exception>
    public void Step(Tensor parameters, Tensor gradients, double lr, double? momentum = null)
    {
        if (parameters.Length < Length || gradients.Length != parameters.Length)
            throw new ArgumentException(
                $"Optimizer: expected at least {Length} parameters and as many gradients; got {parameters.Length} and {gradients.Length}.");
        ArgumentOutOfRangeException.ThrowIfNegative(lr);

        Steps++;
        foreach (ParameterSegment segment in Segments)
        {
            using Tensor p = Part(parameters, segment), g = Part(gradients, segment);
            Update(segment, p, g, lr * segment.LrScale, momentum);
        }
    }

    /// <summary>
    /// What the state for a checkpoint consists of: one entry per buffer and parameter, called <c>buffer/parameter</c>, and its length.
    /// </summary>
    public IEnumerable<(string Name, int Length)> StateEntries =>
        from buffer in _state
        from segment in Segments
        select ($"{buffer.Key}/{segment.Name}", segment.Length);

    /// <summary>A copy of the state, by the names of <see cref="StateEntries"/>.</summary>
    public IEnumerable<(string Name, float[] Values)> State
    {
        get
        {
            foreach ((string buffer, Parameter all) in _state)
            {
                foreach (ParameterSegment segment in Segments)
                {
                    using Tensor part = Part(all, segment);
                    yield return ($"{buffer}/{segment.Name}", part.ToArray());
                }
            }
        }
    }

    /// <summary>Takes over the state of a checkpoint, all or nothing.</summary>
    /// <param name="steps">Steps done when the state was saved.</param>
    /// <param name="state">What <see cref="State"/> gave; further entries are refused.</param>
    /// <exception cref="InvalidDataException">An entry is missing, unexpected or of another length; all such entries are named.</exception>
    public void Restore(long steps, IReadOnlyDictionary<string, ReadOnlyMemory<float>> state)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        (string Name, int Length)[] own = [.. StateEntries];
        List<string> problems = [];
        foreach ((string name, int length) in own)
        {
            if (!state.TryGetValue(name, out ReadOnlyMemory<float> saved)) problems.Add($"missing {name}");
            else if (saved.Length != length) problems.Add($"{name} has {saved.Length} values, expected {length}");
        }

        HashSet<string> known = [.. own.Select(entry => entry.Name)];
        problems.AddRange(state.Keys.Where(name => !known.Contains(name)).Select(name => $"unexpected {name}"));
        if (problems.Count > 0)
            throw new InvalidDataException(
                $"Optimizer state does not fit this run (same method, model and optimizer needed): {string.Join("; ", problems)}.");

        foreach ((string buffer, Parameter all) in _state)
        {
            float[] values = all.ToArray();
            foreach (ParameterSegment segment in Segments) state[$"{buffer}/{segment.Name}"].Span.CopyTo(values.AsSpan(segment.Start));
            all.Assign(values);
        }

        Steps = steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Parameter buffer in _state.Values) buffer.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Updates one tensor; <see cref="Steps"/> already counts this step.</summary>
    protected abstract void Update(ParameterSegment segment, Tensor p, Tensor g, double lr, double? momentum);

    /// <summary>The part of a state buffer that belongs to <paramref name="segment"/>; the caller disposes it.</summary>
    protected Tensor StateOf(string name, ParameterSegment segment) => Part(_state[name], segment);

    private static Tensor Part(Tensor all, ParameterSegment segment) => all.View(new Shape(segment.Length), segment.Start);
}
