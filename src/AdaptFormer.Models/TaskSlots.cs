using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;

namespace AdaptFormer.Models;

/// <summary>
/// One task apart from the backbone that it was trained on: what fills the seams, the numbers that stand in place of the backbone's own,
/// and the head. Immutable; any number of threads may hand it to passes of that backbone, which never changes. For predictions only.
/// </summary>
public sealed class TaskSlots : Slots, IDisposable
{
    private readonly Dictionary<Seam, Module> _fillers;
    private readonly Dictionary<Parameter, Parameter> _numbers;

    private TaskSlots(Backbone? backbone, Dictionary<Seam, Module> fillers, Dictionary<Parameter, Parameter> numbers, Head? head) =>
        (Backbone, _fillers, _numbers, Head) = (backbone, fillers, numbers, head);

    /// <summary>Nothing in any seam, and no head: the plain backbone, of any task's shared trunk.</summary>
    public static TaskSlots None { get; } = new(null, [], [], null);

    /// <summary>The backbone that this task belongs to; null for <see cref="None"/>.</summary>
    public Backbone? Backbone { get; }

    /// <summary>The task's classifier, a batch norm folded into it; null for <see cref="None"/>.</summary>
    public Head? Head { get; }

    /// <summary>The task's prompts, if it has any.</summary>
    public TokenPrompts? Prompts => Backbone is null ? null : Of(Backbone.Prompts);

    /// <summary>Bytes of native memory that the task's numbers hold.</summary>
    public long Bytes => Tensors.Sum(parameter => parameter.ResidentBytes);

    /// <summary>
    /// Moves a method with all that it trained out of a model of the same sizes and turns it into a task of <paramref name="backbone"/>,
    /// which stays as it is.
    /// </summary>
    /// <param name="tuned">
    /// A model with the method attached and trained; it is left without the method and without a head, to be disposed.
    /// </param>
    /// <param name="backbone">The model that answers.</param>
    /// <exception cref="ArgumentException">
    /// The models' layers differ, <paramref name="tuned"/> has no head, or its method changes all weights.
    /// </exception>
    public static TaskSlots MoveOut(Backbone tuned, Backbone backbone)
    {
        if (tuned.Head is not { } head) throw new ArgumentException($"{tuned.Id}: a model without a head is no task.");
        Dictionary<string, Parameter> theirs = backbone.Parameters().ToDictionary();
        Dictionary<string, Module> layers = backbone.NamedModules().ToDictionary();
        Dictionary<Seam, Module> fillers = [];
        foreach ((string path, Module module) in tuned.NamedModules().ToList())
        {
            foreach (Seam seam in module.Seams.Where(seam => seam.Content is not null))
            {
                Seam target = layers.GetValueOrDefault(path)?.Seams.FirstOrDefault(other => other.Name == seam.Name)
                    ?? throw new ArgumentException($"{backbone.Id} has no seam '{seam.Name}' in {path}, which {tuned.Id} fills.");
                fillers.Add(target, seam.TakeOut()!.Content);
            }
        }

        tuned.TakeHead();
        Dictionary<Parameter, Parameter> numbers = tuned.TrainableParameters()
            .ToDictionary(entry => theirs[entry.Key], entry => Parameter.From(entry.Value.ToArray(), entry.Value.Shape));
        TaskSlots task = new(backbone, fillers, numbers, head.Fold());
        head.Dispose();
        foreach (Parameter parameter in task.Tensors)
        {
            parameter.Trainable = false;
            if (parameter.Shape.Rank > 1) parameter.KeepPackedOnly();
        }

        return task;
    }

    /// <inheritdoc/>
    public override T? Of<T>(Seam<T> seam) where T : class => (T?)_fillers.GetValueOrDefault(seam);

    /// <inheritdoc/>
    public override Parameter? Of(Parameter? own) => own is null ? null : _numbers.GetValueOrDefault(own, own);

    /// <summary>How many seams this task fills and weights it replaces.</summary>
    internal int Count => _fillers.Count + _numbers.Count;

    /// <summary>Adds the seams that this task fills, and the weights that it replaces.</summary>
    internal void AddTo(HashSet<Seam> filled, HashSet<Parameter> replaced)
    {
        filled.UnionWith(_fillers.Keys);
        replaced.UnionWith(_numbers.Keys);
    }

    /// <summary>How many of them lie in <paramref name="module"/>.</summary>
    internal int CountIn(Module module) =>
        module.Modules().Sum(inner => inner.Seams.Count(_fillers.ContainsKey))
        + module.Parameters().Count(entry => _numbers.ContainsKey(entry.Value));

    private IEnumerable<Parameter> Tensors =>
        _fillers.Values.Concat(Head is null ? [] : [Head]).SelectMany(module => module.State()).Select(entry => entry.Value.Tensor)
            .Concat(_numbers.Values);

    /// <summary>Frees the task's numbers; no pass may use it any more.</summary>
    public void Dispose()
    {
        foreach (Module filler in _fillers.Values) filler.Dispose();
        foreach (Parameter parameter in _numbers.Values) parameter.Dispose();
        Head?.Dispose();
    }
}
